internal import Runtime
internal import Synchronization

/// What this worker knows of guilds and channels by name: bounded, filled by the gateway's events and by REST.
final class NameCache: Sendable {
    struct Guild: Equatable, Sendable {
        var name: String
        /// Names of roles by id.
        var roles: [String: String] = [:]
        /// The role that came with the bot; naming it names the bot.
        var ownRole: String?
    }

    struct Channel: Equatable, Sendable {
        var name: String
        /// Discord's number for the kind of channel.
        var type: Int
        var guild: String?
        var topic = ""
        var parent: String?
        /// Who opened it, when it is a thread.
        var owner: String?

        /// 10 to 12: threads.
        var isThread: Bool { (10...12).contains(type) }
        /// Forum and media channels, whose posts are threads.
        var isForum: Bool { type == 15 || type == 16 }
    }

    private struct State {
        var guilds = RecentMap<String, Guild>(limit: 128)
        var channels = RecentMap<String, Channel>(limit: 1024)
        /// The first words of threads, by thread; "" where there are none.
        var starters = RecentMap<String, String>(limit: 128)
        /// Messages that the bot sent: reactions to them are reactions to it.
        var sent = RecentMap<String, Bool>(limit: 512)
        /// Those that an event has told of, by their nonce.
        var nonces = RecentMap<String, String>(limit: 512)
        /// When REST was asked last for what these ids are called.
        var asked = RecentMap<String, ContinuousClock.Instant>(limit: 512)
        /// Direct channels by user.
        var directs = RecentMap<String, String>(limit: 256)
    }

    private let state = Mutex(State())

    /// Topics and names are cut to what a prompt can use.
    static let topicLimit = 512
    static let nameLimit = 128
    static let roleLimit = 250

    func guild(_ id: String) -> Guild? { state.withLock { $0.guilds.value(id) } }
    func channel(_ id: String) -> Channel? { state.withLock { $0.channels.value(id) } }
    func starter(_ thread: String) -> String? { state.withLock { $0.starters.value(thread) } }
    func isOwn(_ message: String) -> Bool { state.withLock { $0.sent.value(message) ?? false } }
    func message(bearing nonce: String) -> String? { state.withLock { $0.nonces.value(nonce) } }
    func direct(with user: String) -> String? { state.withLock { $0.directs.value(user) } }

    /// Whether REST may be asked for this id: once a minute, so that what cannot be had does not hold every event up.
    func mayAsk(_ id: String, at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            if let last = state.asked.value(id), last.duration(to: now) < .seconds(60) { return false }
            state.asked.set(now, for: id)
            return true
        }
    }

    func noteStarter(_ text: String, of thread: String) { state.withLock { $0.starters.set(text, for: thread) } }
    func noteSent(_ message: String) { state.withLock { $0.sent.set(true, for: message) } }
    func noteDirect(_ channel: String, with user: String) { state.withLock { $0.directs.set(channel, for: user) } }

    /// Takes what a dispatch of the gateway tells; other dispatches are none of its business.
    func take(_ type: String, _ data: RawJSON, bot: String) {
        // What cannot be read is as good as unknown: REST is asked when the name is needed.
        switch type {
        case "MESSAGE_CREATE": try? takeOwn(data, bot: bot)
        case "GUILD_CREATE": try? takeGuild(data, bot: bot)
        case "GUILD_UPDATE", "GUILD_DELETE", "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE":
            try? forgetGuild(type, data)
        case "CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE": try? takeChannel(data, guild: nil)
        case "CHANNEL_DELETE", "THREAD_DELETE":
            if let id = (try? data.members(["id"]))?["id"]?.id { state.withLock { $0.channels.remove(id) } }
        default: break
        }
    }

    /// A message of the bot itself. REST gives no nonce back, events do: what was sent is known by it for sure, though the
    /// answer to its sending was lost.
    private func takeOwn(_ data: RawJSON, bot: String) throws {
        let members = try data.members(["id", "author", "nonce"])
        guard let id = members["id"]?.id, !bot.isEmpty, try members["author"]?.members(["id"])["id"]?.id == bot else {
            return
        }
        noteSent(id)
        guard let nonce = members["nonce"]?.text(limit: 64), !nonce.isEmpty else { return }
        state.withLock { $0.nonces.set(id, for: nonce) }
    }

    private func forgetGuild(_ type: String, _ data: RawJSON) throws {
        let key = type.hasPrefix("GUILD_ROLE") ? "guild_id" : "id"
        if let id = try data.members([key])[key]?.id { state.withLock { $0.guilds.remove(id) } }
    }

    /// A guild as GUILD_CREATE or GET /guilds/{id} describes it.
    func takeGuild(_ data: RawJSON, bot: String) throws {
        let members = try data.members(["id", "name", "roles", "channels", "threads"])
        guard let id = members["id"]?.id, let name = members["name"]?.text(limit: 1024) else { return }
        var guild = Guild(name: String(name.prefix(Self.nameLimit)))
        for role in try members["roles"]?.elements(limit: Self.roleLimit) ?? [] {
            let parts = try role.members(["id", "name", "tags"])
            guard let roleID = parts["id"]?.id else { continue }
            guild.roles[roleID] = String((parts["name"]?.text(limit: 1024) ?? "").prefix(Self.nameLimit))
            if try parts["tags"]?.members(["bot_id"])["bot_id"]?.id == bot, !bot.isEmpty { guild.ownRole = roleID }
        }
        let known = guild
        state.withLock { $0.guilds.set(known, for: id) }
        for channel in try members["channels"]?.elements(limit: 600) ?? [] { try takeChannel(channel, guild: id) }
        for thread in try members["threads"]?.elements(limit: 300) ?? [] { try takeChannel(thread, guild: id) }
    }

    /// A channel as events and REST describe it.
    func takeChannel(_ data: RawJSON, guild: String?) throws {
        let members = try data.members(["id", "type", "name", "guild_id", "topic", "parent_id", "owner_id"])
        guard let id = members["id"]?.id, let type = members["type"]?.integer else { return }
        let channel = Channel(
            name: String((members["name"]?.text(limit: 1024) ?? "").prefix(Self.nameLimit)),
            type: Int(clamping: type),
            guild: members["guild_id"]?.id ?? guild,
            topic: String((members["topic"]?.text(limit: 8192) ?? "").prefix(Self.topicLimit)),
            parent: members["parent_id"]?.id,
            owner: members["owner_id"]?.id
        )
        state.withLock { $0.channels.set(channel, for: id) }
    }
}
