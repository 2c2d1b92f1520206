internal import IPCHub

/// A list of senders as people write it for one network.
///
/// Source: spec/channels-voice-tunnel.md 1.3. Everywhere `*` is everybody and case does not count. Telegram: id or name,
/// with or without `@`, `telegram:` or `tg:` in front. Discord: id, `<@id>`, `discord:` or `user:` in front, or the
/// account's name (not the one it shows) compared as a slug.
struct SenderList: Sendable {
    private let channel: String
    private var entries: Set<String> = []
    /// Discord's names.
    private var slugs: Set<String> = []

    init(_ written: [String], channel: String) {
        self.channel = channel.lowercased()
        for entry in written { add(entry) }
    }

    /// An empty list names nobody.
    var isEmpty: Bool { entries.isEmpty && slugs.isEmpty }

    func names(_ message: HubChatMessage) -> Bool {
        names(id: message.senderID, username: message.senderUsername)
    }

    func names(id: String, username: String) -> Bool {
        entries.contains("*") || namesPerson(id: id, username: username)
    }

    /// By id or name; a wildcard does not count.
    func namesPerson(_ message: HubChatMessage) -> Bool {
        namesPerson(id: message.senderID, username: message.senderUsername)
    }

    private func namesPerson(id: String, username: String) -> Bool {
        if !id.isEmpty, id != "*", entries.contains(id.lowercased()) { return true }
        guard !username.isEmpty else { return false }
        if channel == "discord" {
            let slug = Slug.of(username)
            return !slug.isEmpty && slugs.contains(slug)
        }
        return entries.contains("@" + username.lowercased())
    }

    private mutating func add(_ written: String) {
        var entry = written.trimmingSpace.lowercased()
        guard entry != "*" else { return entries.formUnion(["*"]) }
        var isID = false
        for prefix in prefixes where entry.hasPrefix(prefix) {
            entry.removeFirst(prefix.count)
            isID = true
            break
        }
        if channel == "discord" { return addDiscord(entry, isID: isID) }
        if entry.hasPrefix("@") { entry.removeFirst() }
        guard !entry.isEmpty else { return }
        entries.insert(entry)
        // A number is an id, whatever somebody calls himself.
        if !Slug.isID(entry) { entries.insert("@" + entry) }
    }

    private mutating func addDiscord(_ written: String, isID: Bool) {
        var entry = Substring(written)
        if entry.hasPrefix("<@") {
            entry = entry.dropFirst(2)
            if entry.first == "!" { entry.removeFirst() }
            if entry.last == ">" { entry.removeLast() }
        }
        guard !entry.isEmpty, entry != "*" else { return }
        if isID || Slug.isID(entry) {
            entries.insert(String(entry))
        } else {
            let slug = Slug.of(String(entry))
            if !slug.isEmpty { slugs.insert(slug) }
        }
    }

    private var prefixes: [String] {
        switch channel {
        case "telegram": ["telegram:", "tg:"]
        case "discord": ["discord:", "user:"]
        default: [channel + ":"]
        }
    }
}
