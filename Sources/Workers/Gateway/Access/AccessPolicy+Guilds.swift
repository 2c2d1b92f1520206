internal import Config
internal import IPCHub

extension AccessPolicy {
    /// Discord: guilds, in each channels with their threads; group chats outside of guilds.
    func guildPlace(_ message: HubChatMessage) -> Result<AccessPlace, AccessRefusal> {
        guard !message.place.guildID.isEmpty else { return groupDirectPlace(message) }
        func no(
            _ kind: AccessRefusal.Kind,
            _ reason: String,
            _ change: AdmittingChange?
        ) -> Result<AccessPlace, AccessRefusal> {
            .failure(refusal(kind, reason, change, message))
        }
        guard access.groupPolicy != .disabled else {
            let path = ConfigLine.path(access.path("groupPolicy"))
            return no(.groupsOff, "servers are switched off (\(path) is disabled)", .groupPolicy)
        }
        let id = message.place.guildID
        let guilds = access.guilds ?? [:]
        guard let key = Self.guildKey(message.place, in: guilds), let guild = guilds[key] else {
            if guilds.isEmpty, access.groupPolicy == .open { return .success(place(nil, nil, nil, nil)) }
            let path = ConfigLine.path(access.path("guilds"))
            return no(.guild, "the server is not in \(path)", Shown.isPlain(id) ? .guild(id) : nil)
        }
        let room = roomKey(message.place, in: guild)
        let entry = room.flatMap { guild.channels?[$0] }
        let rooms = ConfigLine.path(access.path("guilds") + [key, "channels"])
        if guild.channels != nil, entry == nil {
            let wanted = Self.roomID(of: message)
            return no(.room, "the channel is not in \(rooms)", Shown.isPlain(wanted) ? .room(wanted, guild: key) : nil)
        }
        guard entry?.isEnabled ?? true else {
            return no(.room, "the channel is disabled in \(rooms)", room.map { .roomEnabled($0, guild: key) })
        }
        guard entry?.isAllowed ?? true else {
            return no(.room, "the channel is denied in \(rooms)", room.map { .room($0, guild: key) })
        }
        let users = entry?.users ?? guild.users ?? []
        let roles = entry?.roles ?? guild.roles ?? []
        let isListed = senders(users).names(message) || Self.hasRole(message, of: roles)
        guard isListed || (users.isEmpty && roles.isEmpty) else {
            let holder = entry?.users != nil || (guild.users == nil && entry?.roles != nil) ? room : nil
            let path = access.path("guilds") + [key] + (holder.map { ["channels", $0] } ?? []) + ["users"]
            let change = Self.entry(of: message).map { AdmittingChange.roomUser($0, room: holder, guild: key) }
            return no(.groupSender, "not in \(ConfigLine.path(path))", change)
        }
        return .success(place(key, guild, room, entry, isOwnThread: message.place.isOwnThread))
    }

    private func place(
        _ key: String?,
        _ guild: GuildAccess?,
        _ room: String?,
        _ entry: RoomAccess?,
        isOwnThread: Bool = false
    ) -> AccessPlace {
        // Without an entry the one for all servers would be written.
        let guildKey = key ?? "*"
        let mentionRoom = entry?.requireMention == nil ? nil : room
        let othersRoom = entry?.ignoreOtherMentions == nil ? nil : room
        var place = AccessPlace(
            freely: .roomMention(room: mentionRoom, guild: guildKey),
            othersToo: .roomOtherMentions(room: othersRoom, guild: guildKey)
        )
        place.lists = [entry?.users ?? guild?.users ?? []]
        place.roles = entry?.roles ?? guild?.roles ?? []
        place.requireMention = entry?.requireMention ?? guild?.requireMention ?? true
        // In a thread that the bot opened for a conversation everything is meant for it.
        if isOwnThread, entry?.autoThread == true { place.requireMention = false }
        place.ignoreOtherMentions = entry?.ignoreOtherMentions ?? guild?.ignoreOtherMentions ?? false
        return place
    }

    private func groupDirectPlace(_ message: HubChatMessage) -> Result<AccessPlace, AccessRefusal> {
        guard access.groupDMs else {
            let path = ConfigLine.path(access.path("groupDMs"))
            return .failure(refusal(.groupDirect, "group chats are switched off (\(path))", .groupDMs, message))
        }
        let names = [
            message.place.channelID, message.conversation, message.place.channelName, message.conversationLabel,
        ]
        let slugs = names.map(Slug.of).filter { !$0.isEmpty }
        let wanted = access.groupDMChannels.map { $0 == "*" ? "*" : Slug.of($0) }
        guard wanted.isEmpty || wanted.contains("*") || slugs.contains(where: wanted.contains) else {
            let path = ConfigLine.path(access.path("groupDMChannels"))
            let id = message.place.channelID.isEmpty ? message.conversation : message.place.channelID
            let change = Shown.isPlain(id) ? AdmittingChange.groupDMChannel(id) : nil
            return .failure(refusal(.groupDirect, "the group chat is not in \(path)", change, message))
        }
        var place = AccessPlace(freely: .groupDMs, othersToo: .groupDMs)
        place.requireMention = false
        return .success(place)
    }

    /// By id, slug of the name, the slug that an entry names, `*`.
    static func guildKey(_ place: HubPlace, in guilds: [String: GuildAccess]) -> String? {
        if guilds[place.guildID] != nil { return place.guildID }
        let slug = Slug.of(place.guildName)
        // A key of digits is an id: no name stands for it.
        if !slug.isEmpty, !Slug.isID(slug) {
            if guilds[slug] != nil { return slug }
            let named = guilds.filter { !Slug.isID($0.key) && $0.value.slug == slug }.keys.min()
            if let named { return named }
        }
        return guilds["*"] == nil ? nil : "*"
    }

    /// By id, slug, name; of a thread by its own id, then by those of its parent; `*`.
    func roomKey(_ place: HubPlace, in guild: GuildAccess) -> String? {
        guard let rooms = guild.channels else { return nil }
        let isThread = !place.parentID.isEmpty || !place.parentName.isEmpty
        var keys = [place.channelID]
        keys += Self.names(isThread ? place.parentName : place.channelName)
        if isThread { keys.insert(place.parentID, at: 1) }
        if let key = keys.first(where: { !$0.isEmpty && rooms[$0] != nil }) { return key }
        return rooms["*"] == nil ? nil : "*"
    }

    private static func names(_ name: String) -> [String] {
        [Slug.of(name), name, "#" + name].filter { !Slug.isID($0) }
    }

    /// What a person would list: the channel rather than one of its threads.
    private static func roomID(of message: HubChatMessage) -> String {
        if !message.place.parentID.isEmpty { return message.place.parentID }
        return message.place.channelID.isEmpty ? message.conversation : message.place.channelID
    }
}
