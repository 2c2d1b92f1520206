/// What a chat says about itself.
struct MessageService: Decodable, Sendable {
    var newChatMembers: Bot.Lenient<[Bot.User]>?
    var leftChatMember: Bot.Lenient<Bot.User>?
    var newChatTitle: String?
    var pinnedMessage: Bot.Lenient<Bot.SentMessage>?
    var newChatPhoto: Bot.Present?
    var deleteChatPhoto: Bot.Present?
    var groupChatCreated: Bool?
    var supergroupChatCreated: Bool?
}
