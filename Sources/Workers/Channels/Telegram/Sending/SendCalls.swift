internal import FoundationEssentials
internal import IPCHub

/// Where one call of an answer goes and what hangs on it, the same for texts and files.
struct SendPlace: Equatable, Sendable {
    var target: ReplyTarget
    /// The message that it marks as its question.
    var reply: Int64?
    var keyboard: Keyboard?

    /// The general topic of a forum must not be named when sending.
    var thread: Int64? { target.thread == 1 ? nil : target.thread }

    var replyParameters: ReplyParameters? { reply.map { ReplyParameters(messageId: $0) } }
}

struct ReplyParameters: Encodable, Equatable, Sendable {
    var messageId: Int64
    /// A question that was deleted meanwhile still has its answer.
    var allowSendingWithoutReply = true
}

/// The buttons beneath a message.
struct Keyboard: Encodable, Equatable, Sendable {
    struct Button: Encodable, Equatable, Sendable {
        var text: String
        var callbackData: String
    }
    var inlineKeyboard: [[Button]]

    static let dataBytes = 64
    static let rowLimit = 8
    static let buttonLimit = 100

    /// Nil when no button can be shown. What Telegram would refuse the whole message for is left out.
    init?(_ rows: [HubButtonRow]) {
        var left = Self.buttonLimit
        inlineKeyboard = rows.compactMap { row in
            let buttons = row.buttons.filter {
                $0.label.contains(where: { !$0.isWhitespace }) && !$0.data.isEmpty
                    && $0.data.utf8.count <= Self.dataBytes
            }.prefix(min(Self.rowLimit, left)).map { Button(text: String($0.label.prefix(64)), callbackData: $0.data) }
            left -= buttons.count
            return buttons.isEmpty ? nil : buttons
        }
        if inlineKeyboard.isEmpty { return nil }
    }
}

extension BotCall {
    private struct Preview: Encodable {
        var isDisabled = true
    }

    private struct SendMessage: Encodable {
        var chatId: Int64
        var text: String
        var parseMode: String?
        var messageThreadId: Int64?
        var replyParameters: ReplyParameters?
        var linkPreviewOptions: Preview?
        var replyMarkup: Keyboard?
    }

    static func sendMessage(_ text: String, html: Bool, at place: SendPlace, preview: Bool) -> BotCall {
        BotCall(
            "sendMessage",
            SendMessage(
                chatId: place.target.chat,
                text: text,
                parseMode: html ? "HTML" : nil,
                messageThreadId: place.thread,
                replyParameters: place.replyParameters,
                linkPreviewOptions: preview ? nil : Preview(),
                replyMarkup: place.keyboard
            ),
            timeout: .seconds(30)
        )
    }

    private struct EditMessage: Encodable {
        var chatId: Int64
        var messageId: Int64
        var text: String
        var parseMode: String?
        var linkPreviewOptions: Preview?
        var replyMarkup: Keyboard?
    }

    static func editMessage(_ id: Int64, _ text: String, html: Bool, at place: SendPlace, preview: Bool) -> BotCall {
        BotCall(
            "editMessageText",
            EditMessage(
                chatId: place.target.chat,
                messageId: id,
                text: text,
                parseMode: html ? "HTML" : nil,
                linkPreviewOptions: preview ? nil : Preview(),
                replyMarkup: place.keyboard
            ),
            timeout: .seconds(30)
        )
    }

    private struct DeleteMessage: Encodable {
        var chatId: Int64
        var messageId: Int64
    }

    static func deleteMessage(_ id: Int64, in chat: Int64) -> BotCall {
        BotCall("deleteMessage", DeleteMessage(chatId: chat, messageId: id))
    }

    private struct SetMessageReaction: Encodable {
        struct Reaction: Encodable {
            var type = "emoji"
            var emoji: String
        }
        var chatId: Int64
        var messageId: Int64
        var reaction: [Reaction]
    }

    /// Nil takes the bot's reaction away.
    static func setReaction(_ emoji: String?, on message: Int64, in chat: Int64) -> BotCall {
        BotCall(
            "setMessageReaction",
            SetMessageReaction(chatId: chat, messageId: message, reaction: emoji.map { [.init(emoji: $0)] } ?? [])
        )
    }
}
