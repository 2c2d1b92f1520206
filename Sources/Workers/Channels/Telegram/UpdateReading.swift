internal import FoundationEssentials
internal import IPCHub

/// What one update means, decided from its raw bytes and who the bot is.
enum UpdateReading: Equatable, Sendable {
    case message(HubChatMessage)
    /// Starts no turn; the reason is for the operator.
    case ignored(String)
}

/// Parses updates. Facts only: who may talk is the gateway's decision.
struct UpdateReader: Sendable {
    /// True when the words count as a mention by the operator's patterns.
    var matchesPattern: @Sendable (String) -> Bool = { _ in false }

    /// What is journaled of an update: itself, and the bot that it came to, so that reading it needs nothing else.
    private struct Journaled: Decodable {
        var bot: Bot.User
        var update: Update
    }

    private struct Update: Decodable {
        var message: Bot.Message?
        var editedMessage: Bot.Message?
        var channelPost: Bot.Message?
    }

    /// The kinds that this worker asks Telegram for; what else comes is old or foreign.
    static let allowedUpdates = ["message", "edited_message"]

    /// The bytes to journal: `{"bot":{…},"update":…}` around the update as it came.
    static func journaled(_ update: ArraySlice<UInt8>, to bot: Bot.User) -> [UInt8] {
        // Encoding a text cannot fail. Telegram's names have 32 characters; a frame has room for some more.
        let name = (try? JSONEncoder().encode(String((bot.username ?? "").prefix(64)))) ?? Data(#""""#.utf8)
        return Array(#"{"bot":{"id":\#(bot.id),"username":"#.utf8) + name + Array(#"},"update":"#.utf8) + update
            + [UInt8(ascii: "}")]
    }

    /// Reads what `journaled` made.
    func read(_ raw: some Collection<UInt8>) -> UpdateReading {
        let update: Update
        let bot: Bot.User
        do {
            let journaled = try Bot.decode(Journaled.self, from: raw)
            (update, bot) = (journaled.update, journaled.bot)
        } catch {
            return .ignored(
                "an update that cannot be read: \(raw.count) bytes that are not as the Bot API describes them"
            )
        }
        if let message = update.message { return read(message, bot) }
        if let edited = update.editedMessage {
            return .ignored("message \(edited.messageId) was edited: an edit starts no turn, send a new message")
        }
        if update.channelPost != nil { return .ignored("a channel post: channels are not answered") }
        return .ignored("an update that is not a message")
    }

    private func read(_ message: Bot.Message, _ bot: Bot.User) -> UpdateReading {
        if let chat = message.migrateToChatId {
            return .ignored(
                "group \(message.chat.id) became supergroup \(chat): write \(chat) in place of it under channels.telegram.groups"
            )
        }
        if message.migrateFromChatId != nil { return .ignored("a note that this group became a supergroup") }
        guard message.chat.type != "channel" else { return .ignored("a channel post: channels are not answered") }
        if let from = message.from, from.isBot == true, message.senderChat == nil {
            return .ignored("written by the bot @\(from.username ?? String(from.id)): bots are not answered")
        }
        let text: EntityText
        if let words = message.text {
            text = EntityText(words, message.entities)
        } else if let caption = message.caption, !caption.isEmpty {
            text = EntityText(caption, message.captionEntities)
        } else {
            return .ignored(reasonWithoutText(message))
        }
        let words = text.expanded
        guard words.contains(where: { !$0.isWhitespace }) else { return .ignored("a message without words") }
        return .message(normalized(message, words, mentioned: isMentioned(message, text, words, bot)))
    }

    private func normalized(_ message: Bot.Message, _ words: String, mentioned: Bool) -> HubChatMessage {
        let isDirect = message.chat.type == "private"
        let topic = topic(of: message)
        var result = HubChatMessage()
        result.text = words
        result.chatType = isDirect ? .direct : .group
        result.conversation = String(message.chat.id)
        if !isDirect, let topic { result.conversation += ":topic:\(topic)" }
        result.thread = topic.map { String($0) } ?? ""
        result.messageID = String(message.messageId)
        result.timestampMs = milliseconds(message.date)
        result.mentioned = mentioned
        result.replyTarget = ReplyTarget(chat: message.chat.id, thread: topic, message: message.messageId).encoded()
        // A group that writes as itself (an anonymous administrator, a linked channel) has no person's name.
        if let chat = message.senderChat {
            result.senderID = String(chat.id)
            result.senderName = chat.title ?? ""
            result.senderUsername = chat.username ?? ""
        } else if let from = message.from {
            result.senderID = String(from.id)
            result.senderName = from.name
            result.senderUsername = from.username ?? ""
        }
        result.conversationLabel = isDirect ? result.senderName : message.chat.title ?? String(message.chat.id)
        return result
    }

    /// A forum's topic (its general one is 1), or the thread of a direct chat that has topics. The threads that plain
    /// supergroups make of replies are not conversations of their own.
    private func topic(of message: Bot.Message) -> Int64? {
        if message.chat.isForum == true, message.chat.type != "private" {
            return message.isTopicMessage == true ? message.messageThreadId ?? 1 : 1
        }
        return message.isTopicMessage == true ? message.messageThreadId : nil
    }

    private func isMentioned(_ message: Bot.Message, _ text: EntityText, _ words: String, _ bot: Bot.User) -> Bool {
        if matchesPattern(words) || text.mentions(bot) { return true }
        // In a topic every message answers the one that opened it, which may be the bot's.
        guard let answered = message.replyToMessage, answered.messageId != message.messageThreadId else { return false }
        return answered.from?.id == bot.id
    }

    private func reasonWithoutText(_ message: Bot.Message) -> String {
        guard let kind = message.media else {
            return "a service message of the chat (somebody joined, a title changed and the like)"
        }
        return "\(kind) without words: photos, voice and files come later, write a text or a caption"
    }

    /// Seconds of the network's clock to milliseconds; nonsense becomes 0.
    private func milliseconds(_ seconds: Int64) -> Int64 {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow || value < 0 ? 0 : value
    }
}
