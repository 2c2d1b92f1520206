/// What the policy says of a message.
enum AccessDecision: Equatable {
    case allow(AccessGrant)
    /// Not meant for the bot. Nothing to tell anybody; the next turn of the conversation may read it.
    case quiet(AccessRefusal)
    /// No, and the operator should see why and how to change it.
    case deny(AccessRefusal)
    /// A stranger in a direct chat, where strangers may ask to be let in.
    case pairing
}

/// What an admitted sender may do.
struct AccessGrant: Equatable {
    /// A list names the sender, so commands count.
    var mayCommand = false
    /// The bot was spoken to: always so in a direct chat.
    var wasMentioned = false
    /// In a direct chat, and named by `allowFrom` or let in by pairing, not by a wildcard.
    var isOwner = false
}

/// Why not.
struct AccessRefusal: Error, Equatable {
    /// Raw values are what the journal counts by and `channels.why` tells (`docs/rpc.md`).
    enum Kind: String, CaseIterable {
        case directOff = "dm-policy"
        case sender = "sender-not-listed"
        case pairing
        case bot
        case groupsOff = "groups-off"
        case group = "group-not-listed"
        case groupOff = "group-off"
        case groupSender = "group-sender-not-listed"
        case guild = "guild-not-listed"
        case room = "channel-not-listed"
        case groupDirect = "group-dm"
        case command
        case mention = "no-mention"
        case otherMention = "for-others"
    }

    var kind: Kind
    /// In words, on one line.
    var reason: String
    /// What would admit it, in the order in which it is to be changed; empty when no line of the configuration would.
    var changes: [AdmittingChange] = []
    /// The changes in words: `add "123" to channels.telegram.allowFrom`.
    var admit = ""
    /// The sender gave a native command, and is told that he may not.
    var isAnswered = false

    /// For the log.
    var text: String { admit.isEmpty ? reason : "\(reason) — \(admit)" }
}
