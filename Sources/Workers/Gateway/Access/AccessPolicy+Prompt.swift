internal import Config
internal import IPCHub

extension AccessPolicy {
    /// What the configuration tells the agent about the place of `message` (`systemPrompt`): of a group and its topic, of a
    /// channel of a server; empty in direct chats and where nothing is written.
    func roomPrompt(_ message: HubChatMessage) -> String {
        guard message.chatType != .direct else { return "" }
        guard access.channel == "discord" else {
            let group = access.groups[Self.groupID(of: message)] ?? access.groups["*"]
            let topic = Self.topicID(of: message).flatMap { group?.topics[$0] }
            return [group?.systemPrompt ?? "", topic?.systemPrompt ?? ""].filter { !$0.isEmpty }
                .joined(separator: "\n\n")
        }
        guard let guilds = access.guilds, let key = Self.guildKey(message.place, in: guilds), let guild = guilds[key],
            let room = roomKey(message.place, in: guild)
        else { return "" }
        return guild.channels?[room]?.systemPrompt ?? ""
    }
}
