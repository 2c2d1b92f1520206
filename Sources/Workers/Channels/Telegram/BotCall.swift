internal import FoundationEssentials

/// One request to the Bot API: the method's name and its parameters as JSON.
struct BotCall: Equatable, Sendable {
    var method: String
    var body: Data
    /// How long its answer may take.
    var timeout: Duration = .seconds(20)

    private init(_ method: String, _ parameters: some Encodable, timeout: Duration = .seconds(20)) {
        self.method = method
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Text and integers only: encoding them cannot fail.
        body = (try? encoder.encode(parameters)) ?? Data("{}".utf8)
        self.timeout = timeout
    }

    private struct Nothing: Encodable {}

    static let getMe = BotCall("getMe", Nothing())
    static let getWebhookInfo = BotCall("getWebhookInfo", Nothing())

    private struct DeleteWebhook: Encodable {
        var dropPendingUpdates = false
    }

    /// Pending updates are kept: they are somebody's messages.
    static let deleteWebhook = BotCall("deleteWebhook", DeleteWebhook())

    private struct GetUpdates: Encodable {
        var offset: Int64?
        var limit: Int
        var timeout: Int
        var allowedUpdates: [String]
    }

    /// Seconds that Telegram holds an empty poll.
    static let pollSeconds = 30

    /// Asks for what comes after `confirmed`, which forgets everything up to it; nil takes all that is pending.
    static func getUpdates(after confirmed: Int64?, limit: Int) -> BotCall {
        BotCall(
            "getUpdates",
            GetUpdates(
                offset: confirmed.map { $0 + 1 },
                limit: limit,
                timeout: pollSeconds,
                allowedUpdates: UpdateReader.allowedUpdates
            ),
            timeout: .seconds(pollSeconds + 15)
        )
    }

    private struct SendMessage: Encodable {
        struct Reply: Encodable {
            var messageId: Int64
            var allowSendingWithoutReply = true
        }
        struct Preview: Encodable {
            var isDisabled = true
        }
        var chatId: Int64
        var text: String
        var parseMode: String?
        var messageThreadId: Int64?
        var replyParameters: Reply?
        var linkPreviewOptions: Preview?
    }

    /// One chunk of an answer. The general topic of a forum must not be named when sending.
    static func sendMessage(_ text: String, html: Bool, to target: ReplyTarget, isReply: Bool, preview: Bool) -> BotCall
    {
        BotCall(
            "sendMessage",
            SendMessage(
                chatId: target.chat,
                text: text,
                parseMode: html ? "HTML" : nil,
                messageThreadId: target.thread == 1 ? nil : target.thread,
                replyParameters: isReply ? target.message.map { SendMessage.Reply(messageId: $0) } : nil,
                linkPreviewOptions: preview ? nil : SendMessage.Preview()
            ),
            timeout: .seconds(30)
        )
    }

    private struct SendChatAction: Encodable {
        var chatId: Int64
        var action = "typing"
        var messageThreadId: Int64?
    }

    /// "typing…" for five seconds; here the general topic is named.
    static func typing(in target: ReplyTarget) -> BotCall {
        BotCall(
            "sendChatAction",
            SendChatAction(chatId: target.chat, messageThreadId: target.thread),
            timeout: .seconds(5)
        )
    }
}
