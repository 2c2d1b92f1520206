internal import IPCHub

/// A pressed button.
struct CallbackQuery: Decodable, Sendable {
    /// The message that bears the button. An old one comes without its content, with date 0.
    struct Carrier: Decodable, Sendable {
        var messageId: Int64
        var chat: Bot.Chat
        var messageThreadId: Int64?
        var isTopicMessage: Bool?
    }

    var id: String
    var from: Bot.User
    var message: Carrier?
    var data: String?

    var reading: UpdateReading {
        guard let data, !data.isEmpty else { return .ignored("a pressed button without data") }
        guard let message else { return .ignored("a button pressed on a message that is not in a chat of the bot") }
        guard message.chat.type != "channel" else { return .ignored("a channel post: channels are not answered") }
        var result = HubChatMessage()
        result.kind = .button
        result.text = data
        result.mentioned = true
        let topic = message.chat.topic(thread: message.messageThreadId, isTopic: message.isTopicMessage)
        result.stand(in: message.chat, topic: topic, answering: message.messageId)
        result.speak(as: from, for: nil)
        result.messageID = String(message.messageId)
        // Telegram does not say when it was pressed.
        result.timestampMs = 0
        return .message(result)
    }
}
