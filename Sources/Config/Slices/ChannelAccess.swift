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
    package var dmPolicy = DMPolicy.pairing
    /// As written (numbers as text): `123`, `tg:123`, `@name`, `*`; empty admits nobody.
    package var allowFrom: [String] = []
    package var groupPolicy = GroupPolicy.allowlist
    /// Senders in groups; absent: `allowFrom` counts.
    package var groupAllowFrom: [String]?
    /// By group id or `*`; not empty: only these groups.
    package var groups: [String: GroupAccess] = [:]
    /// Characters per outgoing message.
    package var textChunkLimit = 4000
    /// The line of the configuration file that this account stands in; 0: it comes from the environment.
    package var line = 0
    /// Where in the file a person would admit somebody: `channels.telegram.allowFrom`.
    package var allowFromPath = ""

    package init(channel: String, account: String) {
        worker = "channel:\(channel):\(account)"
        self.channel = channel
        self.account = account
    }
}

/// `channels.telegram.groups.<id>`, and the same for its topics.
package struct GroupAccess: Codable, Sendable, Equatable {
    package var enabled = true
    /// Absent: the `*` entry, then true.
    package var requireMention: Bool?
    /// Overrides `groupAllowFrom`.
    package var allowFrom: [String]?
    /// By thread id.
    package var topics: [String: GroupAccess] = [:]

    package init() {}
}
