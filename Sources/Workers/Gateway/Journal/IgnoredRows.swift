/// A message that started no turn: who, where, why, and what would change that. Kept for the operator.
package struct IgnoredNote: Sendable, Equatable {
    /// `direct`, `group`, `channel`.
    package var chatType = ""
    /// As the network names it, and as people do.
    package var conversation = ""
    package var label = ""
    package var sender = ""
    package var senderName = ""
    package var messageID = ""
    /// Which rule, one word.
    package var code: String
    /// In words.
    package var reason: String
    /// The lines of the configuration that would admit it, and the place of the first.
    package var admit = ""
    package var place = ""
    /// What to type instead.
    package var command = ""

    package init(code: String, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// Messages like one another, as they stand in the journal.
package struct IgnoredItem: Sendable, Equatable {
    /// `channel:telegram:default`.
    package var channel: String
    package var note: IgnoredNote
    /// Messages of this sender in this conversation that the same rule kept out.
    package var count: Int
    /// The last of them, milliseconds since 1970.
    package var at: Int64

    package init(channel: String, note: IgnoredNote, count: Int, at: Int64) {
        self.channel = channel
        self.note = note
        self.count = count
        self.at = at
    }
}

/// Where the owner was last heard in a direct chat of a channel.
package struct OwnerChat: Sendable, Equatable {
    /// `channel:telegram:default`.
    package var channel: String
    package var conversation: String
    /// Opaque.
    package var target: [UInt8]
    /// Milliseconds since 1970.
    package var at: Int64

    package init(channel: String, conversation: String, target: [UInt8], at: Int64) {
        self.channel = channel
        self.conversation = conversation
        self.target = target
        self.at = at
    }
}
