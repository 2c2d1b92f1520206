internal import Config

/// One change of the configuration that admits somebody.
enum AdmittingChange: Equatable {
    case dmEnabled
    case dmPolicy
    case allowFrom(String)
    case allowBots
    case groupPolicy
    /// The whole list, because it is not there yet and would hide the one that counts instead.
    case groupAllowFrom([String])
    case groupSender(String)
    case group(String)
    case groupEnabled(String, topic: String?)
    case placePolicy(String, topic: String?)
    case placeSender(String, group: String, topic: String?)
    case placeMention(String, topic: String?)
    case guild(String)
    case room(String, guild: String)
    case roomEnabled(String, guild: String)
    case roomUser(String, room: String?, guild: String)
    case roomMention(room: String?, guild: String)
    case roomOtherMentions(room: String?, guild: String)
    case groupDMs
    case groupDMChannel(String)

    /// What is written at the path.
    enum Value: Equatable {
        case bool(Bool)
        case text(String)
        case list([String])
        case object
        /// One more element of the list that stands there.
        case element(String)
    }

    /// Where, and what.
    func line(in access: ChannelAccess) -> (path: [String], value: Value) {
        switch self {
        case .dmEnabled: (access.path("dmEnabled"), .bool(true))
        case .dmPolicy: (access.path("dmPolicy"), .text("allowlist"))
        case .allowFrom(let entry): (access.path("allowFrom"), .element(entry))
        case .allowBots: (access.path("allowBots"), .bool(true))
        case .groupPolicy: (access.path("groupPolicy"), .text("allowlist"))
        case .groupAllowFrom(let list): (access.path("groupAllowFrom"), .list(list))
        case .groupSender(let entry): (access.path("groupAllowFrom"), .element(entry))
        case .group(let id): (access.path("groups") + [id], .object)
        case .groupEnabled(let id, let topic): (Self.place(access, id, topic) + ["enabled"], .bool(true))
        case .placePolicy(let id, let topic): (Self.place(access, id, topic) + ["groupPolicy"], .text("allowlist"))
        case .placeSender(let entry, let id, let topic):
            (Self.place(access, id, topic) + ["allowFrom"], .element(entry))
        case .placeMention(let id, let topic): (Self.place(access, id, topic) + ["requireMention"], .bool(false))
        case .guild(let id): (access.path("guilds") + [id], .object)
        case .room(let id, let guild): (Self.room(access, id, guild) + ["allow"], .bool(true))
        case .roomEnabled(let id, let guild): (Self.room(access, id, guild) + ["enabled"], .bool(true))
        case .roomUser(let entry, let id, let guild): (Self.room(access, id, guild) + ["users"], .element(entry))
        case .roomMention(let id, let guild): (Self.room(access, id, guild) + ["requireMention"], .bool(false))
        case .roomOtherMentions(let id, let guild):
            (Self.room(access, id, guild) + ["ignoreOtherMentions"], .bool(false))
        case .groupDMs: (access.path("groupDMs"), .bool(true))
        case .groupDMChannel(let id): (access.path("groupDMChannels"), .element(id))
        }
    }

    private static func place(_ access: ChannelAccess, _ group: String, _ topic: String?) -> [String] {
        access.path("groups") + [group] + (topic.map { ["topics", $0] } ?? [])
    }

    private static func room(_ access: ChannelAccess, _ room: String?, _ guild: String) -> [String] {
        access.path("guilds") + [guild] + (room.map { ["channels", $0] } ?? [])
    }

    /// The same account as if the change had been made.
    func applied(to access: ChannelAccess) -> ChannelAccess {
        var access = access
        switch self {
        case .dmEnabled: access.dmEnabled = true
        case .dmPolicy: access.dmPolicy = .allowlist
        case .allowFrom(let entry): access.allowFrom.append(entry)
        case .allowBots: access.allowBots = true
        case .groupPolicy: access.groupPolicy = .allowlist
        case .groupAllowFrom(let list): access.groupAllowFrom = list
        case .groupSender(let entry): access.groupAllowFrom = (access.groupAllowFrom ?? []) + [entry]
        case .group(let id): access.groups[id] = GroupAccess()
        case .groupEnabled(let id, let topic): access.change(id, topic) { $0.enabled = true }
        case .placePolicy(let id, let topic): access.change(id, topic) { $0.groupPolicy = .allowlist }
        case .placeSender(let entry, let id, let topic):
            access.change(id, topic) { $0.allowFrom = ($0.allowFrom ?? []) + [entry] }
        case .placeMention(let id, let topic): access.change(id, topic) { $0.requireMention = false }
        case .guild(let id): access.guilds = (access.guilds ?? [:]).merging([id: GuildAccess()]) { old, _ in old }
        case .room(let id, let guild): access.change(id, guild) { $0.isAllowed = true }
        case .roomEnabled(let id, let guild): access.change(id, guild) { $0.isEnabled = true }
        case .roomUser(let entry, let id?, let guild):
            access.change(id, guild) { $0.users = ($0.users ?? []) + [entry] }
        case .roomUser(let entry, nil, let guild):
            access.change(guild) { $0.users = ($0.users ?? []) + [entry] }
        case .roomMention(let id?, let guild): access.change(id, guild) { $0.requireMention = false }
        case .roomMention(nil, let guild): access.change(guild) { $0.requireMention = false }
        case .roomOtherMentions(let id?, let guild): access.change(id, guild) { $0.ignoreOtherMentions = false }
        case .roomOtherMentions(nil, let guild): access.change(guild) { $0.ignoreOtherMentions = false }
        case .groupDMs: access.groupDMs = true
        case .groupDMChannel(let id): access.groupDMChannels.append(id)
        }
        return access
    }
}

extension ChannelAccess {
    fileprivate mutating func change(_ group: String, _ topic: String?, _ body: (inout GroupAccess) -> Void) {
        if let topic {
            body(&groups[group, default: GroupAccess()].topics[topic, default: GroupAccess()])
        } else {
            body(&groups[group, default: GroupAccess()])
        }
    }

    fileprivate mutating func change(_ guild: String, _ body: (inout GuildAccess) -> Void) {
        var all = guilds ?? [:]
        body(&all[guild, default: GuildAccess()])
        guilds = all
    }

    fileprivate mutating func change(_ room: String, _ guild: String, _ body: (inout RoomAccess) -> Void) {
        change(guild) { guild in
            var rooms = guild.channels ?? [:]
            body(&rooms[room, default: RoomAccess()])
            guild.channels = rooms
        }
    }
}
