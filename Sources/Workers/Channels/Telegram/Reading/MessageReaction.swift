internal import IPCHub

/// A changed reaction of one person to one message.
struct MessageReaction: Decodable, Sendable {
    struct Reaction: Decodable, Equatable, Sendable {
        var type: String
        var emoji: String?

        var words: String { emoji ?? (type == "paid" ? "⭐" : "a custom emoji") }
    }

    var chat: Bot.Chat
    var messageId: Int64
    var user: Bot.User?
    var actorChat: Bot.Chat?
    var date: Int64
    var oldReaction: [Reaction]
    var newReaction: [Reaction]

    var reading: UpdateReading {
        guard chat.type != "channel" else { return .ignored("a reaction in a channel: channels are not answered") }
        let added = newReaction.filter { !oldReaction.contains($0) }.prefix(16).map(\.words)
        let removed = oldReaction.filter { !newReaction.contains($0) }.prefix(16).map(\.words)
        guard !added.isEmpty || !removed.isEmpty else { return .ignored("a reaction that changed nothing") }
        var result = HubChatMessage()
        result.kind = .reaction
        // Telegram does not say in which topic the message stands.
        result.stand(in: chat, topic: chat.topic(thread: nil, isTopic: nil), answering: messageId)
        result.speak(as: user, for: actorChat)
        result.messageID = String(messageId)
        result.reply.messageID = String(messageId)
        result.timestampMs = UpdateReader.milliseconds(date)
        let who = user?.words ?? actorChat?.title ?? "somebody"
        var parts: [String] = []
        if !added.isEmpty { parts.append("reaction added: \(added.joined(separator: " "))") }
        if !removed.isEmpty { parts.append("reaction removed: \(removed.joined(separator: " "))") }
        result.text = "Telegram \(parts.joined(separator: ", ")) by \(who) on message \(messageId)"
        return .message(result)
    }
}
