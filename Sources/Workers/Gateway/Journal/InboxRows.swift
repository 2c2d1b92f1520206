/// An event of a network as its worker cut it out, on its way into the journal.
package struct InboundEvent: Sendable {
    /// The worker that brought it.
    package var channel: String
    /// Unique for ever.
    package var eventKey: String
    package var raw: [UInt8]
    /// What the worker asks its network with next, once this and all before it is journaled. Empty: as before.
    package var cursor: [UInt8]

    package init(channel: String, eventKey: String, raw: [UInt8], cursor: [UInt8]) {
        self.channel = channel
        self.eventKey = eventKey
        self.raw = raw
        self.cursor = cursor
    }
}

/// What became of an event that was offered.
package enum Receipt: Sendable, Equatable {
    case new(row: Int64)
    /// The key was journaled before: acknowledged again, nothing else.
    case known
    /// So many messages wait that no more are taken in.
    case crowded
}

/// A claimed event that a worker is to parse.
package struct InboxRow: Sendable, Equatable {
    package var row: Int64
    package var eventKey: String
    package var raw: [UInt8]
    package var attempts: Int
    /// When it came in, milliseconds since 1970.
    package var receivedAt: Int64
}

/// What a parsed event turned out to be.
package enum InboxVerdict: Sendable {
    /// No turn; the reason is kept for the operator.
    case ignored(reason: String)
    case turn(NewTurn)
    /// A stop word: the lane's turns are ended, the sender is told with `notice`.
    case stop(lane: String, notice: NewNotice)
}

/// What settling an event changed.
package enum InboxSettlement: Sendable, Equatable {
    case settled(stopped: [StoppedTurn])
    /// No such row is in this incarnation's hands.
    case notClaimed
}

/// A sentence to a conversation that belongs to no turn.
package struct NewNotice: Sendable, Equatable {
    package var conversation: String
    package var target: [UInt8]
    package var text: String

    package init(conversation: String, target: [UInt8], text: String) {
        self.conversation = conversation
        self.target = target
        self.text = text
    }
}
