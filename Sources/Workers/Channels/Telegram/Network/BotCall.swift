internal import FoundationEssentials

/// One request to the Bot API: the method's name and its parameters as JSON.
struct BotCall: Equatable, Sendable {
    var method: String
    var body: Data
    /// How long its answer may take.
    var timeout: Duration = .seconds(20)

    init(_ method: String, _ parameters: some Encodable, timeout: Duration = .seconds(20)) {
        self.method = method
        body = BotJSON.encode(parameters)
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

    private struct SetWebhook: Encodable {
        var url: String
        var secretToken: String
        var allowedUpdates = UpdateReader.allowedUpdates
        var dropPendingUpdates = false
    }

    static func setWebhook(_ url: String, secret: String) -> BotCall {
        BotCall("setWebhook", SetWebhook(url: url, secretToken: secret))
    }

    private struct GetUpdates: Encodable {
        var offset: Int64?
        var limit: Int
        var timeout: Int
        var allowedUpdates = UpdateReader.allowedUpdates
    }

    /// Seconds that Telegram holds an empty poll.
    static let pollSeconds = 30

    /// Asks for what comes after `confirmed`, which forgets everything up to it; nil takes all that is pending.
    static func getUpdates(after confirmed: Int64?, limit: Int) -> BotCall {
        BotCall(
            "getUpdates",
            GetUpdates(offset: confirmed.map { $0 + 1 }, limit: limit, timeout: pollSeconds),
            timeout: .seconds(pollSeconds + 15)
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

    private struct AnswerCallbackQuery: Encodable {
        var callbackQueryId: String
    }

    /// Ends the waiting sign on a pressed button.
    static func answerCallbackQuery(_ id: String) -> BotCall {
        BotCall("answerCallbackQuery", AnswerCallbackQuery(callbackQueryId: id), timeout: .seconds(10))
    }

    private struct SetMyCommands: Encodable {
        struct Command: Encodable {
            var command: String
            var description: String
        }
        var commands: [Command]
    }

    /// The bot's menu, for everybody.
    static func setMyCommands(_ commands: [MenuCommand]) -> BotCall {
        BotCall(
            "setMyCommands",
            SetMyCommands(commands: commands.map { .init(command: $0.name, description: $0.summary) })
        )
    }

    static let deleteMyCommands = BotCall("deleteMyCommands", Nothing())

    private struct GetChatMember: Encodable {
        var chatId: Int64
        var userId: Int64
    }

    static func getChatMember(_ chat: Int64, user: Int64, timeout: Duration) -> BotCall {
        BotCall("getChatMember", GetChatMember(chatId: chat, userId: user), timeout: timeout)
    }

    private struct GetFile: Encodable {
        var fileId: String
    }

    static func getFile(_ id: String) -> BotCall { BotCall("getFile", GetFile(fileId: id)) }
}

/// JSON as the Bot API spells it.
enum BotJSON {
    /// Text and integers only: encoding them cannot fail.
    static func encode(_ value: some Encodable) -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)) ?? Data("{}".utf8)
    }
}
