import Config
import IPCHub
import TestSupport
import Testing

@testable import Gateway

/// Every combination of policy, sender, place and mention on both networks.
@Suite("the policy matrix")
struct AccessMatrixTests {
    enum Sender: String, CaseIterable { case known, unknown, paired, wildcard }

    struct Cell: CustomStringConvertible, Sendable {
        var channel: String
        var direct: ChannelAccess.DMPolicy?
        var group: ChannelAccess.GroupPolicy?
        var sender: Sender
        var isListed = true
        var isMentioned = true
        /// `allow`, `pairing`, or the kind of the refusal.
        var expected: String

        var description: String {
            let policy = direct.map { "dmPolicy \($0)" } ?? group.map { "groupPolicy \($0)" } ?? ""
            return "\(channel), \(policy), \(sender), listed \(isListed), mentioned \(isMentioned)"
        }
    }

    static let direct: [Cell] = ["telegram", "discord"].flatMap { channel in
        let rows: [(ChannelAccess.DMPolicy, [String])] = [
            // known, unknown, paired, wildcard
            (.pairing, ["allow", "pairing", "allow", "allow"]),
            (.allowlist, ["allow", "sender-not-listed", "allow", "allow"]),
            (.open, ["allow", "allow", "allow", "allow"]),
            (.disabled, ["dm-policy", "dm-policy", "dm-policy", "dm-policy"]),
        ]
        return rows.flatMap { policy, expected in
            zip(Sender.allCases, expected).map { Cell(channel: channel, direct: policy, sender: $0, expected: $1) }
        }
    }

    /// Rows: policy, place listed, mentioned; columns: known, unknown, paired, wildcard.
    static let groups: [Cell] = {
        let telegram: [(ChannelAccess.GroupPolicy, Bool, Bool, [String])] = [
            (.allowlist, true, true, ["allow", "group-sender-not-listed", "group-sender-not-listed", "allow"]),
            (
                .allowlist, true, false,
                ["no-mention", "group-sender-not-listed", "group-sender-not-listed", "no-mention"]
            ),
            (
                .allowlist, false, true,
                ["group-not-listed", "group-not-listed", "group-not-listed", "group-not-listed"]
            ),
            (
                .allowlist, false, false,
                ["group-not-listed", "group-not-listed", "group-not-listed", "group-not-listed"]
            ),
            (.open, true, true, ["allow", "allow", "allow", "allow"]),
            (.open, true, false, ["no-mention", "no-mention", "no-mention", "no-mention"]),
            (.open, false, true, ["group-not-listed", "group-not-listed", "group-not-listed", "group-not-listed"]),
            (.open, false, false, ["group-not-listed", "group-not-listed", "group-not-listed", "group-not-listed"]),
            (.disabled, true, true, ["groups-off", "groups-off", "groups-off", "groups-off"]),
            (.disabled, false, false, ["groups-off", "groups-off", "groups-off", "groups-off"]),
        ]
        let discord: [(ChannelAccess.GroupPolicy, Bool, Bool, [String])] = [
            (.allowlist, true, true, ["allow", "group-sender-not-listed", "group-sender-not-listed", "allow"]),
            (
                .allowlist, true, false,
                ["no-mention", "group-sender-not-listed", "group-sender-not-listed", "no-mention"]
            ),
            (
                .allowlist, false, true,
                ["guild-not-listed", "guild-not-listed", "guild-not-listed", "guild-not-listed"]
            ),
            (.open, true, true, ["allow", "group-sender-not-listed", "group-sender-not-listed", "allow"]),
            (.open, false, true, ["guild-not-listed", "guild-not-listed", "guild-not-listed", "guild-not-listed"]),
            (.disabled, true, true, ["groups-off", "groups-off", "groups-off", "groups-off"]),
        ]
        return [("telegram", telegram), ("discord", discord)].flatMap { channel, rows in
            rows.flatMap { policy, isListed, isMentioned, expected in
                zip(Sender.allCases, expected).map { sender, expected in
                    Cell(
                        channel: channel,
                        group: policy,
                        sender: sender,
                        isListed: isListed,
                        isMentioned: isMentioned,
                        expected: expected
                    )
                }
            }
        }
    }()

    private func access(_ cell: Cell) -> ChannelAccess {
        var access = ChannelAccess(channel: cell.channel, account: "default")
        let list =
            switch cell.sender {
            case .known: ["7"]
            case .unknown, .paired: ["8"]
            case .wildcard: ["*"]
            }
        access.allowFrom = list
        if let policy = cell.direct { access.dmPolicy = policy }
        if let policy = cell.group { access.groupPolicy = policy }
        if cell.channel == "telegram" {
            access.groups = [cell.isListed ? "-100" : "-200": GroupAccess()]
        } else {
            var guild = GuildAccess()
            guild.users = list
            access.guilds = [cell.isListed ? "555" : "666": guild]
        }
        return access
    }

    private func message(_ cell: Cell) -> HubChatMessage {
        var message = Bench.message("hi", from: "7", chat: cell.direct == nil ? "-100" : "7")
        message.mentioned = cell.isMentioned
        guard cell.direct == nil else { return message }
        message.chatType = cell.channel == "discord" ? .channel : .group
        if cell.channel == "discord" {
            message.place.guildID = "555"
            message.place.channelID = "-100"
        }
        return message
    }

    @Test("each cell says what the specification says", arguments: direct + groups)
    func cells(cell: Cell) {
        var circumstances = AccessPolicy.Circumstances()
        if cell.sender == .paired { circumstances.paired = SenderList(["7"], channel: cell.channel) }
        let decision = AccessPolicy(access: access(cell)).decide(message(cell), circumstances)
        switch decision {
        case .allow: #expect(cell.expected == "allow")
        case .pairing: #expect(cell.expected == "pairing")
        case .deny(let refusal), .quiet(let refusal):
            #expect(refusal.kind.rawValue == cell.expected)
            #expect(!refusal.reason.isEmpty)
            #expect(!refusal.admit.isEmpty)
            if case .quiet = decision {
                #expect(cell.expected == "no-mention")
            } else {
                #expect(cell.expected != "no-mention")
            }
        }
    }

    @Test("a cell that says no names the lines of the configuration that admit it", arguments: direct + groups)
    func admitted(cell: Cell) {
        let before = access(cell)
        switch AccessPolicy(access: before).decide(message(cell)) {
        case .allow, .pairing: return
        case .deny(let refusal), .quiet(let refusal):
            let after = refusal.changes.reduce(before) { $1.applied(to: $0) }
            guard case .allow = AccessPolicy(access: after).decide(message(cell)) else {
                return #expect(Bool(false), "\(refusal.text)")
            }
        }
    }

    @Test("whatever the configuration, what a refusal names admits the message and nobody gets in by one change less")
    func admittedAtRandom() {
        var random = SplitMix(seed: 11)
        var refused = 0
        for _ in 0..<20_000 {
            let access = RandomAccess.access(&random)
            let message = RandomAccess.message(&random, channel: access.channel)
            let refusal: AccessRefusal
            switch AccessPolicy(access: access).decide(message) {
            case .allow, .pairing: continue
            case .deny(let found), .quiet(let found): refusal = found
            }
            refused += 1
            #expect(!refusal.changes.isEmpty, "\(refusal.reason)")
            var changed = access
            for (index, change) in refusal.changes.enumerated() {
                changed = change.applied(to: changed)
                let decision = AccessPolicy(access: changed).decide(message)
                let isLast = index == refusal.changes.count - 1
                switch decision {
                case .allow, .pairing: #expect(isLast)
                case .deny, .quiet: #expect(!isLast, "\(refusal.text)")
                }
            }
        }
        #expect(refused > 5000)
    }

    @Test("names made of anything break neither a reason nor a line of the log")
    func hostileNames() {
        let names = [
            "a\nb", "\u{202E}evil", "x\u{200B}y", String(repeating: "é\u{301}", count: 5000), "\u{1B}[31mred", "\0",
            "\"quoted\"",
            String(repeating: "🦞", count: 400), "\u{FEFF}", "…", "a\\b", "",
        ]
        for channel in ["telegram", "discord"] {
            for name in names {
                var message = Bench.message("hi", from: name, chat: name)
                message.senderUsername = name
                message.conversationLabel = name
                message.place.guildName = name
                message.place.channelName = name
                message.place.channelID = name
                for type in [HubChatMessage.ChatType.direct, .group, .channel] {
                    for guild in ["", name] {
                        message.chatType = type
                        message.place.guildID = guild
                        var access = ChannelAccess(channel: channel, account: "default")
                        access.dmPolicy = .allowlist
                        access.groups = ["1": GroupAccess()]
                        access.guilds = ["1": GuildAccess()]
                        guard case .deny(let refusal) = AccessPolicy(access: access).decide(message) else {
                            #expect(Bool(false), "\(name.debugDescription) was let in")
                            continue
                        }
                        let text = refusal.text + Shown.text(name)
                        #expect(text.unicodeScalars.count < 3000)
                        #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control })
                        #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .format })
                    }
                }
            }
        }
    }
}

/// Configurations and messages that meet each other often.
enum RandomAccess {
    private static func maybe(_ random: inout SplitMix, _ of: Int = 2) -> Bool {
        Int.random(in: 0..<of, using: &random) == 0
    }

    private static func list(_ random: inout SplitMix) -> [String] {
        ["7", "8", "@ann", "*", "ann"].filter { _ in maybe(&random, 4) }
    }

    private static func key(_ random: inout SplitMix, _ keys: [String]) -> String {
        keys.randomElement(using: &random) ?? "*"
    }

    static func access(_ random: inout SplitMix) -> ChannelAccess {
        var access = ChannelAccess(channel: maybe(&random) ? "telegram" : "discord", account: "default")
        access.dmEnabled = !maybe(&random, 4)
        access.dmPolicy = [.pairing, .allowlist, .open, .disabled].randomElement(using: &random) ?? .pairing
        access.groupPolicy = [.allowlist, .open, .disabled].randomElement(using: &random) ?? .allowlist
        access.allowFrom = list(&random)
        access.allowBots = maybe(&random)
        if maybe(&random) { access.groupAllowFrom = list(&random) }
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            var group = place(&random)
            if maybe(&random) { group.topics = ["42": place(&random)] }
            access.groups[key(&random, ["-100", "-200", "*"])] = group
        }
        access.groupDMs = maybe(&random)
        if maybe(&random) { access.groupDMChannels = ["friends"] }
        if !maybe(&random, 3) {
            var guilds: [String: GuildAccess] = [:]
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                var guild = GuildAccess()
                if maybe(&random) { guild.requireMention = maybe(&random) }
                guild.ignoreOtherMentions = maybe(&random)
                if maybe(&random) { guild.users = list(&random) }
                if maybe(&random) { guild.roles = ["900"] }
                if maybe(&random) {
                    var rooms: [String: RoomAccess] = [:]
                    for _ in 0..<Int.random(in: 0...2, using: &random) {
                        var room = RoomAccess()
                        room.isAllowed = !maybe(&random, 4)
                        room.isEnabled = !maybe(&random, 4)
                        if maybe(&random) { room.requireMention = maybe(&random) }
                        if maybe(&random) { room.ignoreOtherMentions = maybe(&random) }
                        if maybe(&random) { room.users = list(&random) }
                        if maybe(&random) { room.roles = ["901"] }
                        room.autoThread = maybe(&random)
                        rooms[key(&random, ["456", "general", "457", "*"])] = room
                    }
                    guild.channels = rooms
                }
                guilds[key(&random, ["123", "my-server", "124", "*"])] = guild
            }
            access.guilds = guilds
        }
        return access
    }

    private static func place(_ random: inout SplitMix) -> GroupAccess {
        var group = GroupAccess()
        group.enabled = !maybe(&random, 4)
        if maybe(&random) { group.requireMention = maybe(&random) }
        if maybe(&random) { group.allowFrom = list(&random) }
        if maybe(&random, 3) { group.groupPolicy = [.allowlist, .open, .disabled].randomElement(using: &random) }
        return group
    }

    static func message(_ random: inout SplitMix, channel: String) -> HubChatMessage {
        let isTopic = maybe(&random)
        var message = Bench.message(
            maybe(&random, 3) ? "/new" : "hi",
            from: maybe(&random) ? "7" : "9",
            chat: isTopic ? "-100:topic:42" : "-100"
        )
        message.senderUsername = maybe(&random) ? "ann" : "bob"
        message.senderIsBot = maybe(&random, 4)
        message.mentioned = maybe(&random)
        message.mentionsOthers = maybe(&random)
        message.kind = [.message, .command, .button, .reaction].randomElement(using: &random) ?? .message
        message.chatType = [.direct, .group, .channel].randomElement(using: &random) ?? .direct
        if channel == "discord" {
            if !maybe(&random, 4) {
                message.place.guildID = "123"
                message.place.guildName = "My Server"
            }
            message.place.channelID = "456"
            message.place.channelName = "general"
            if maybe(&random) {
                message.place.channelID = "789"
                message.place.channelName = "a thread"
                message.place.parentID = "456"
                message.place.parentName = "general"
                message.place.isOwnThread = maybe(&random)
            }
            if maybe(&random) { message.senderRoles = ["900"] }
        }
        return message
    }
}
