/// Who may talk on one channel account, and how answers are cut.
///
/// Facts come from the channel's worker, the decision is the gateway's.
package struct ChannelAccess: Codable, Sendable, Equatable {
    package enum DMPolicy: String, Codable, Sendable {
        case pairing
        case allowlist
        case open
        case disabled
    }

    package enum GroupPolicy: String, Codable, Sendable {
        case allowlist
        case open
        case disabled
    }

    /// `channel:telegram:default`.
    package var worker: String
    /// `telegram`.
    package var channel: String
    /// `default`.
    package var account: String
    /// Discord's `dm.enabled`.
    package var dmEnabled = true
    package var dmPolicy = DMPolicy.pairing
    /// As written (numbers as text): `123`, `tg:123`, `@name`, `*`; empty admits nobody.
    package var allowFrom: [String] = []
    package var groupPolicy = GroupPolicy.allowlist
    /// Senders in groups; absent: `allowFrom` counts.
    package var groupAllowFrom: [String]?
    /// By group id or `*`; not empty: only these groups.
    package var groups: [String: GroupAccess] = [:]
    /// Discord's guilds by id, slug or `*`; nil where the network has none or nothing is written. Not empty: only these.
    package var guilds: [String: GuildAccess]?
    /// Discord's `dm.groupEnabled` and `dm.groupChannels` (slugs or ids; empty: any).
    package var groupDMs = false
    package var groupDMChannels: [String] = []
    /// Whether messages of other bots may start a turn.
    package var allowBots = false
    /// Characters per outgoing message.
    package var textChunkLimit = 4000
    /// Lines per outgoing message; 0: as many as fit.
    package var maxLines = 0
    /// `length`; `newline`: also at every blank line.
    package var chunkMode = "length"
    /// Messages of a group that were seen and not answered, told with the next turn; 0: none.
    package var historyLimit = 50
    /// Shown on a message that starts a turn; empty: nothing. `messages.ackReaction` and its scope.
    package var ackReaction = ""
    /// `off`, `group-mentions`, `group-all`, `direct`, `all`.
    package var ackReactionScope = "group-mentions"
    package var removeAckAfterReply = false
    /// Reactions that are told to the agent: `off`, `own` (on the bot's messages), `all`, `allowlist`.
    package var reactionNotifications = "own"
    /// Whether the agent may change the configuration from chat (a group's new number is written down then).
    package var configWrites = true
    /// Who may give commands, by id; nil: the usual rule (whoever a list names). Where a sender's name can be forged, nobody is
    /// one of the owners either.
    package var commandsFrom: [String]?
    /// The line of the configuration file that this account stands in; 0: it comes from the environment.
    package var line = 0
    /// Where the account's keys stand, or would be written: `["channels", "telegram", "accounts", "work"]`.
    package var base: [String]
    /// Keys that stand elsewhere, because the account inherits them: `allowFrom` to `["channels", "telegram", "allowFrom"]`.
    package var inherited: [String: [String]] = [:]

    package init(channel: String, account: String) {
        worker = "channel:\(channel):\(account)"
        self.channel = channel
        self.account = account
        base = ["channels", channel]
    }

    /// Telephone calls: what was said and not answered in time is not answered at all.
    package var isTelephone: Bool { channel == GatewayVoice.channel }

    /// Where a person would change a key of this account. `dmPolicy` and `allowFrom` are called `dm.policy` and
    /// `dm.allowFrom` on networks that have a section for direct messages.
    package func path(_ key: String) -> [String] {
        if let path = inherited[key] { return path }
        guard channel == "discord" || channel == "slack" else { return base + [key] }
        return switch key {
        case "dmPolicy": base + ["dm", "policy"]
        case "allowFrom": base + ["dm", "allowFrom"]
        case "dmEnabled": base + ["dm", "enabled"]
        case "groupDMs": base + ["dm", "groupEnabled"]
        case "groupDMChannels": base + ["dm", "groupChannels"]
        default: base + [key]
        }
    }
}

/// `channels.telegram.groups.<id>`, and the same for its topics.
package struct GroupAccess: Codable, Sendable, Equatable {
    package var enabled = true
    /// Absent: the `*` entry, then true.
    package var requireMention: Bool?
    /// Overrides `groupAllowFrom`.
    package var allowFrom: [String]?
    /// Overrides the account's.
    package var groupPolicy: ChannelAccess.GroupPolicy?
    /// By thread id.
    package var topics: [String: GroupAccess] = [:]
    /// What the agent is told about the place.
    package var systemPrompt = ""

    package init() {}
}

/// `channels.discord.guilds.<id, slug or *>`.
package struct GuildAccess: Codable, Sendable, Equatable {
    package var slug = ""
    /// Absent: true.
    package var requireMention: Bool?
    /// A message that names somebody else and not the bot is passed over.
    package var ignoreOtherMentions = false
    /// Senders by id or name; absent or empty: anybody. A channel's own list counts instead.
    package var users: [String]?
    /// Roles by id; whoever has one of them may talk.
    package var roles: [String]?
    /// As `ChannelAccess.reactionNotifications`, which counts where this is absent.
    package var reactionNotifications: String?
    /// By id, slug or name of the channel (of a thread: its own, then its parent's), or `*`. Absent: all channels;
    /// present and nothing matches: none.
    package var channels: [String: RoomAccess]?

    package init() {}
}

/// `channels.discord.guilds.<guild>.channels.<channel>`.
package struct RoomAccess: Codable, Sendable, Equatable {
    /// `allow`.
    package var isAllowed = true
    /// `enabled`; either may say no.
    package var isEnabled = true
    package var requireMention: Bool?
    package var ignoreOtherMentions: Bool?
    package var users: [String]?
    package var roles: [String]?
    package var systemPrompt = ""
    /// Opens a thread for each conversation; inside it no mention is needed.
    package var autoThread = false

    package init() {}
}
