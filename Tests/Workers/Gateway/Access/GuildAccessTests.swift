import Config
import IPCHub
import Testing

@testable import Gateway

@Suite("guilds and their channels")
struct GuildAccessTests {
    private func message(_ change: (inout HubChatMessage) -> Void = { _ in }) -> HubChatMessage {
        var message = Bench.message("hi", from: "7", chat: "456")
        message.chatType = .channel
        message.mentioned = true
        message.place.guildID = "123"
        message.place.guildName = "My Server!"
        message.place.channelID = "456"
        message.place.channelName = "General Talk"
        change(&message)
        return message
    }

    private func thread(_ change: (inout HubChatMessage) -> Void = { _ in }) -> HubChatMessage {
        message {
            $0.place.channelID = "789"
            $0.place.channelName = "secret"
            $0.place.parentID = "456"
            $0.place.parentName = "General Talk"
            change(&$0)
        }
    }

    private func decide(
        _ message: HubChatMessage,
        _ guilds: [String: GuildAccess]?,
        policy: ChannelAccess.GroupPolicy = .allowlist
    ) -> String {
        var access = ChannelAccess(channel: "discord", account: "default")
        access.guilds = guilds
        access.groupPolicy = policy
        return switch AccessPolicy(access: access).decide(message) {
        case .allow: "allow"
        case .pairing: "pairing"
        case .deny(let refusal), .quiet(let refusal): refusal.kind.rawValue
        }
    }

    private func guild(_ rooms: [String: RoomAccess]?, _ change: (inout GuildAccess) -> Void = { _ in }) -> GuildAccess
    {
        var guild = GuildAccess()
        guild.channels = rooms
        change(&guild)
        return guild
    }

    @Test("a guild is found by id, by slug of its name, by the slug of an entry, by *, in this order")
    func guildKeys() {
        for key in ["123", "my-server", "*"] { #expect(decide(message(), [key: GuildAccess()]) == "allow") }
        #expect(decide(message(), ["home": guild(nil) { $0.slug = "my-server" }]) == "allow")
        #expect(decide(message(), ["124": GuildAccess()]) == "guild-not-listed")
        #expect(decide(message(), nil) == "guild-not-listed")
        #expect(decide(message(), [:], policy: .open) == "allow")
        #expect(decide(message(), ["124": GuildAccess()], policy: .open) == "guild-not-listed")
        #expect(decide(message(), ["123": guild([:]), "*": guild(nil)]) == "channel-not-listed")
    }

    @Test("nobody gets in by calling a server, a channel or himself what somebody else's id is")
    func namesThatAreIDs() {
        #expect(decide(message { $0.place.guildName = "124" }, ["124": GuildAccess()]) == "guild-not-listed")
        #expect(
            decide(message { $0.place.channelName = "457" }, ["123": guild(["457": RoomAccess()])])
                == "channel-not-listed"
        )
        let users = guild(nil) { $0.users = ["8"] }
        #expect(decide(message { $0.senderUsername = "8" }, ["123": users]) == "group-sender-not-listed")
    }

    @Test("a channel is found by id, slug and name, a thread by its own id and then by its parent's")
    func roomKeys() {
        for key in ["456", "general-talk", "General Talk", "*"] {
            #expect(decide(message(), ["123": guild([key: RoomAccess()])]) == "allow")
            #expect(decide(thread(), ["123": guild([key: RoomAccess()])]) == "allow")
        }
        #expect(decide(thread(), ["123": guild(["789": RoomAccess()])]) == "allow")
        #expect(decide(thread(), ["123": guild(["secret": RoomAccess()])]) == "channel-not-listed")
        var off = RoomAccess()
        off.isAllowed = false
        #expect(decide(thread(), ["123": guild(["789": off, "456": RoomAccess()])]) == "channel-not-listed")
        #expect(decide(message(), ["123": guild(["456": off, "*": RoomAccess()])]) == "channel-not-listed")
        var disabled = RoomAccess()
        disabled.isEnabled = false
        #expect(decide(message(), ["123": guild(["456": disabled])]) == "channel-not-listed")
    }

    @Test(
        "a person is listed by id, mention, prefix, name as a slug, or by a role",
        arguments: ["7", "<@7>", "<@!7>", "discord:7", "user:7", "name7", "Name7", "*"]
    )
    func people(entry: String) {
        #expect(decide(message(), ["123": guild(nil) { $0.users = [entry] }]) == "allow")
        #expect(
            decide(
                message {
                    $0.senderID = "8"; $0.senderUsername = "other"
                },
                ["123": guild(nil) { $0.users = [entry] }]
            ) == (entry == "*" ? "allow" : "group-sender-not-listed")
        )
    }

    @Test("the channel's lists count instead of the guild's, and one role or one name is enough")
    func lists() {
        var room = RoomAccess()
        room.users = ["8"]
        #expect(decide(message(), ["123": guild(["456": room]) { $0.users = ["7"] }]) == "group-sender-not-listed")
        room.users = []
        #expect(decide(message(), ["123": guild(["456": room]) { $0.users = ["8"] }]) == "allow")
        room.users = ["8"]
        room.roles = ["<@&900>"]
        #expect(decide(message { $0.senderRoles = ["900"] }, ["123": guild(["456": room])]) == "allow")
        #expect(
            decide(message { $0.senderRoles = ["901"] }, ["123": guild(["456": room])]) == "group-sender-not-listed"
        )
    }

    @Test("a mention is needed as the channel says, else the guild, else always; not in a thread that the bot opened")
    func mention() {
        var free = RoomAccess()
        free.requireMention = false
        var strict = RoomAccess()
        strict.requireMention = true
        let quiet = message { $0.mentioned = false }
        #expect(decide(quiet, ["123": guild(nil)]) == "no-mention")
        #expect(decide(quiet, ["123": guild(nil) { $0.requireMention = false }]) == "allow")
        #expect(decide(quiet, ["123": guild(["456": free])]) == "allow")
        #expect(decide(quiet, ["123": guild(["456": strict]) { $0.requireMention = false }]) == "no-mention")
        var auto = RoomAccess()
        auto.autoThread = true
        let own = thread {
            $0.mentioned = false; $0.place.isOwnThread = true
        }
        #expect(decide(own, ["123": guild(["456": auto])]) == "allow")
        #expect(decide(own, ["123": guild(["456": RoomAccess()])]) == "no-mention")
        #expect(decide(thread { $0.mentioned = false }, ["123": guild(["456": auto])]) == "no-mention")
    }

    @Test("a message for somebody else is passed over where the guild says so")
    func others() {
        let other = message {
            $0.mentioned = false; $0.mentionsOthers = true
        }
        let open = guild(nil) { $0.requireMention = false }
        let closed = guild(nil) {
            $0.requireMention = false; $0.ignoreOtherMentions = true
        }
        #expect(decide(other, ["123": open]) == "allow")
        #expect(decide(other, ["123": closed]) == "for-others")
        #expect(decide(message { $0.mentionsOthers = true }, ["123": closed]) == "allow")
        var room = RoomAccess()
        room.ignoreOtherMentions = false
        #expect(
            decide(
                other,
                [
                    "123": guild(["456": room]) {
                        $0.requireMention = false; $0.ignoreOtherMentions = true
                    }
                ]
            ) == "allow"
        )
    }

    @Test("group chats outside of servers are off; then all, or those that are listed by id or slug")
    func groupDirect() {
        let chat = message {
            $0.place.guildID = ""; $0.place.channelName = "Old Friends"; $0.chatType = .group; $0.mentioned = false
        }
        func decide(_ isOn: Bool, _ channels: [String]) -> String {
            var access = ChannelAccess(channel: "discord", account: "default")
            access.groupDMs = isOn
            access.groupDMChannels = channels
            return switch AccessPolicy(access: access).decide(chat) {
            case .allow: "allow"
            case .pairing: "pairing"
            case .deny(let refusal), .quiet(let refusal): refusal.text
            }
        }
        #expect(
            decide(false, [])
                == "group chats are switched off (channels.discord.dm.groupEnabled) — channels.discord.dm.groupEnabled: true"
        )
        #expect(decide(true, []) == "allow")
        for entry in ["456", "old-friends", "*"] { #expect(decide(true, [entry]) == "allow") }
        #expect(decide(true, ["others"]).hasSuffix("add \"456\" to channels.discord.dm.groupChannels"))
    }

    @Test("bots start nothing unless allowBots; direct messages can be switched off as a whole")
    func botsAndDirect() {
        var access = ChannelAccess(channel: "discord", account: "default")
        access.guilds = ["123": GuildAccess()]
        let bot = message { $0.senderIsBot = true }
        guard case .deny(let refusal) = AccessPolicy(access: access).decide(bot) else { return #expect(Bool(false)) }
        #expect(refusal.text == "written by a bot — channels.discord.allowBots: true")
        access.allowBots = true
        guard case .allow = AccessPolicy(access: access).decide(bot) else { return #expect(Bool(false)) }
        access.dmEnabled = false
        access.allowFrom = ["7"]
        guard case .deny(let off) = AccessPolicy(access: access).decide(Bench.message(from: "7")) else {
            return #expect(Bool(false))
        }
        #expect(off.admit == "channels.discord.dm.enabled: true")
    }

    @Test("the line that admits says the exact place, keys in quotation marks where they need them")
    func lines() {
        var access = ChannelAccess(channel: "discord", account: "work")
        access.base = ["channels", "discord", "accounts", "work"]
        access.guilds = ["123": guild([:])]
        guard case .deny(let refusal) = AccessPolicy(access: access).decide(thread()) else {
            return #expect(Bool(false))
        }
        #expect(refusal.admit == "channels.discord.accounts.work.guilds.\"123\".channels.\"456\".allow: true")
    }
}
