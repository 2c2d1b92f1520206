internal import IPCHub

/// A list of senders as people write it: ids, names with or without `@`, `*`, with the channel's name in front or not.
struct SenderList {
    private let entries: Set<String>

    init(_ entries: [String]) {
        self.entries = Set(entries.map { $0.lowercased() })
    }

    /// Whether the list names the sender of `message`. An empty list names nobody.
    func admits(_ message: HubChatMessage, channel: String) -> Bool {
        if entries.contains("*") { return true }
        let id = message.senderID.lowercased()
        let name = message.senderUsername.lowercased()
        let prefixes = ["", channel.lowercased() + ":"] + (channel == "telegram" ? ["tg:"] : [])
        return prefixes.contains { prefix in
            if !id.isEmpty, entries.contains(prefix + id) { return true }
            return !name.isEmpty && (entries.contains(prefix + name) || entries.contains(prefix + "@" + name))
        }
    }
}
