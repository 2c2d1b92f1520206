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
    /// The worker that serves this account's files: `channel:telegram:default`.
    var owner = ""
    /// Names of the bot's own commands, without slash; empty: none are shown.
    var commands: Set<String> = []
    var seal = FileSeal(token: "")

    /// What is journaled of an update: itself, and the bot that it came to, so that reading it needs nothing else.
    private struct Journaled: Decodable {
        var bot: Bot.User
        var update: Update
    }

    private struct Update: Decodable {
        var message: Bot.Message?
        var editedMessage: Bot.Message?
        var channelPost: Bot.Present?
        var editedChannelPost: Bot.Present?
        var callbackQuery: CallbackQuery?
        var messageReaction: MessageReaction?
        var myChatMember: MembershipChange?
    }

    /// The kinds that this worker asks Telegram for; what else comes is old or foreign. Reactions come only to those who
    /// name them.
    static let allowedUpdates = [
        "message", "edited_message", "callback_query", "message_reaction", "my_chat_member",
    ]

    /// The bytes to journal: `{"bot":{…},"update":…}` around the update as it came.
    static func journaled(_ update: some Sequence<UInt8>, to bot: Bot.User) -> [UInt8] {
        // Encoding a text cannot fail. Telegram's names have 32 characters; a frame has room for some more.
        let name = (try? JSONEncoder().encode(String((bot.username ?? "").prefix(64)))) ?? Data(#""""#.utf8)
        return Array(#"{"bot":{"id":\#(bot.id),"username":"#.utf8) + name + Array(#"},"update":"#.utf8) + update
            + [UInt8(ascii: "}")]
    }

    /// Most bytes of words in one message; a frame has room for them beside everything else.
    static let wordBytes = 512 * 1024

    /// Reads what `journaled` made.
    func read(_ raw: some Collection<UInt8>) -> UpdateReading {
        let reading = parsed(raw)
        guard case .message(let message) = reading else { return reading }
        let words = [
            message.text, message.reply.text, message.reply.sender, message.senderName, message.senderUsername,
            message.conversationLabel, message.forwardedFrom, message.place.channelName,
        ].reduce(0) { $0 + $1.utf8.count }
        guard words <= Self.wordBytes else {
            return .ignored("a message with \(words) bytes of words: at most \(Self.wordBytes) are taken")
        }
        return reading
    }

    private func parsed(_ raw: some Collection<UInt8>) -> UpdateReading {
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
        if let message = update.message {
            return MessageReader(message: message, bot: bot, owner: owner, commands: commands, seal: seal).reading
        }
        if let edited = update.editedMessage {
            return .ignored("message \(edited.messageId) was edited: an edit starts no turn, send a new message")
        }
        if let query = update.callbackQuery { return query.reading }
        if let reaction = update.messageReaction { return reaction.reading }
        if let change = update.myChatMember { return change.reading }
        if update.channelPost != nil || update.editedChannelPost != nil {
            return .ignored("a channel post: channels are not answered")
        }
        return .ignored("an update that is not a message")
    }

    /// Seconds of the network's clock to milliseconds; nonsense becomes 0.
    static func milliseconds(_ seconds: Int64) -> Int64 {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow || value < 0 ? 0 : value
    }
}
