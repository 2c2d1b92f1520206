/// What became of the bot's own place in a chat.
struct MembershipChange: Decodable, Sendable {
    var chat: Bot.Chat
    var from: Bot.User
    var newChatMember: Bot.ChatMember

    /// Told to the operator only: it is nobody's message.
    var reading: UpdateReading {
        let isOut = ["left", "kicked"].contains(newChatMember.status)
        if chat.isDirect {
            return .ignored(isOut ? "\(from.words) blocked the bot" : "\(from.words) started or unblocked the bot")
        }
        let place = MessageReader.named(chat)
        return .ignored(
            isOut
                ? "\(from.words) removed the bot from \(place)"
                : "\(from.words) made the bot \(newChatMember.status) of \(place)"
        )
    }
}
