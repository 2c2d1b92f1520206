internal import Runtime

/// What is journaled of an event: itself as it came, and the names around it, so that reading it needs nothing else.
struct Envelope: Sendable {
    /// What tells the event apart, cut out without parsing it.
    struct Facts: Equatable, Sendable {
        var type: String
        var id: String
        var channel: String
        var guild: String?
        /// Who did it.
        var user: String
        /// Of a reaction.
        var emoji = ""

        init?(_ type: String, _ bytes: [UInt8]) {
            guard
                let members = try? RawJSON(bytes).members([
                    "id", "channel_id", "guild_id", "author", "user_id", "message_id", "emoji", "user", "member",
                ])
            else { return nil }
            self.type = type
            channel = members["channel_id"]?.id ?? ""
            guild = members["guild_id"]?.id
            switch type {
            case "MESSAGE_CREATE":
                guard let id = members["id"]?.id, !channel.isEmpty else { return nil }
                self.id = id
                user = (try? members["author"]?.members(["id"]))?["id"]?.id ?? ""
            case "INTERACTION_CREATE":
                guard let id = members["id"]?.id else { return nil }
                self.id = id
                let own = try? members["user"]?.members(["id"])
                let member = try? members["member"]?.members(["user"])
                user = own?["id"]?.id ?? (try? member?["user"]?.members(["id"]))?["id"]?.id ?? ""
            case "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE":
                guard let id = members["message_id"]?.id, let user = members["user_id"]?.id, !channel.isEmpty,
                    let emoji = try? members["emoji"]?.members(["id", "name"])
                else { return nil }
                self.id = id
                self.user = user
                self.emoji = emoji["id"]?.id ?? emoji["name"]?.text(limit: 128) ?? ""
            default: return nil
            }
        }

        /// Unique for ever. A reaction may come and go: the number of its dispatch and the session that numbers it tell
        /// which one it is.
        func key(account: String, seq: Int64, session: String) -> String {
            let start = "discord:\(account):"
            return switch type {
            case "MESSAGE_CREATE": "\(start)msg:\(id)"
            case "INTERACTION_CREATE": "\(start)int:\(id)"
            default:
                "\(start)react:\(id):\(user):\(emoji):\(type == "MESSAGE_REACTION_ADD" ? "add" : "remove"):"
                    + "\(session.prefix(8)).\(seq)"
            }
        }
    }

    var bot: BotIdentity
    var facts: Facts
    var guild: NameCache.Guild?
    var channel: NameCache.Channel?
    var parent: NameCache.Channel?
    var starter = ""
    /// The message is one of the bot's own (of a reaction).
    var isOwn = false
    /// Names of roles and channels that the text names.
    var roles: [String: String] = [:]
    var channels: [String: String] = [:]

    /// `{"v":1,"type":…,"bot":…,…,"event":…}` around the event.
    func encoded(_ event: [UInt8]) -> [UInt8] {
        var object = JSONObject()
        object["v"] = 1
        object["type"] = .string(facts.type)
        object["bot"] = ["id": .string(bot.id), "name": .string(bot.name), "application": .string(bot.application)]
        if let guild {
            object["guild"] = ["name": .string(guild.name), "own_role": guild.ownRole.map { .string($0) } ?? .null]
        }
        if let channel { object["channel"] = Self.json(channel) }
        if let parent { object["parent"] = Self.json(parent) }
        if !starter.isEmpty { object["starter"] = .string(starter) }
        if isOwn { object["own"] = true }
        if !roles.isEmpty { object["roles"] = Self.json(roles) }
        if !channels.isEmpty { object["channels"] = Self.json(channels) }
        var bytes = JSON.object(object).encoded()
        bytes.removeLast()
        return bytes + Array(#","event":"#.utf8) + event + [UInt8(ascii: "}")]
    }

    private static func json(_ channel: NameCache.Channel) -> JSON {
        var object = JSONObject()
        object["name"] = .string(channel.name)
        object["type"] = .integer(Int64(channel.type))
        if !channel.topic.isEmpty { object["topic"] = .string(channel.topic) }
        if let parent = channel.parent { object["parent"] = .string(parent) }
        if let owner = channel.owner { object["owner"] = .string(owner) }
        return .object(object)
    }

    private static func json(_ names: [String: String]) -> JSON {
        .object(
            JSONObject(members: names.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })
        )
    }

    /// The ids that stand in `<#…>` and `<@&…>` of an event's bytes, ten of each at most.
    static func named(in bytes: [UInt8]) -> (channels: [String], roles: [String]) {
        var channels: [String] = []
        var roles: [String] = []
        var index = 0
        while index + 3 < bytes.count {
            guard bytes[index] == UInt8(ascii: "<") else {
                index += 1
                continue
            }
            let isChannel = bytes[index + 1] == UInt8(ascii: "#")
            let isRole = bytes[index + 1] == UInt8(ascii: "@") && bytes[index + 2] == UInt8(ascii: "&")
            let start = index + (isChannel ? 2 : 3)
            index += 1
            guard isChannel || isRole else { continue }
            var end = start
            while end < bytes.count, end - start <= 20, (0x30...0x39).contains(bytes[end]) { end += 1 }
            guard end < bytes.count, end > start, end - start <= 20, bytes[end] == UInt8(ascii: ">") else { continue }
            let id = String(decoding: bytes[start..<end], as: UTF8.self)
            if isChannel, channels.count < 10, !channels.contains(id) { channels.append(id) }
            if isRole, roles.count < 10, !roles.contains(id) { roles.append(id) }
        }
        return (channels, roles)
    }
}
