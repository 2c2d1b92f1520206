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

/// What a parsed event turned out to be, and what is written with it in the one commit.
package struct InboxVerdict: Sendable {
    package enum Outcome: Sendable {
        /// No turn; the reason is kept for the operator.
        case ignored(reason: String)
        case turn(NewTurn)
        /// A stop word: the lane's turns are ended.
        case stop(lane: String)
        /// No turn, but a later one of its room is told of it.
        case heard(Heard, reason: String)
    }

    package var outcome: Outcome
    /// What goes out at once: a pairing code, a reaction that says "seen".
    package var notices: [NewNotice] = []
    /// What goes out behind the answer, however the turn ends: the reaction is taken away again.
    package var afterTurn: [NewNotice] = []
    /// For the operator's lists; a turn's own facts count more.
    package var conversation = ""
    package var sender = ""
    package var preview = ""
    /// Why it started no turn.
    package var note: IgnoredNote?
    /// The owner was heard.
    package var owner: OwnerChat?

    package init(_ outcome: Outcome, notices: [NewNotice] = [], afterTurn: [NewNotice] = []) {
        self.outcome = outcome
        self.notices = notices
        self.afterTurn = afterTurn
    }

    package static func ignored(reason: String) -> InboxVerdict { InboxVerdict(.ignored(reason: reason)) }
    package static func turn(_ turn: NewTurn) -> InboxVerdict { InboxVerdict(.turn(turn)) }

    /// A stop word; the sender is told with `notice`.
    package static func stop(lane: String, notice: NewNotice) -> InboxVerdict {
        InboxVerdict(.stop(lane: lane), notices: [notice])
    }
}

/// Something that is told to the next turn of its room.
package struct Heard: Sendable, Equatable {
    /// Raw values are what the journal holds.
    package enum Kind: String, Sendable {
        /// A message that was not for the bot; opaque.
        case said
        /// In words.
        case happened
    }

    package var kind: Kind
    package var room: String
    package var body: [UInt8]
    /// So many of its kind are kept in the room, the newest. 0: none.
    package var limit: Int
    /// Only when this message of the conversation is one that we sent.
    package var ownMessage: String?

    package init(kind: Kind, room: String, body: [UInt8], limit: Int, ownMessage: String? = nil) {
        self.kind = kind
        self.room = room
        self.body = body
        self.limit = limit
        self.ownMessage = ownMessage
    }
}

/// What settling an event changed.
package enum InboxSettlement: Sendable, Equatable {
    case settled(Entered)
    /// No such row is in this incarnation's hands.
    case notClaimed
}

/// Something for a conversation that belongs to no answer.
package struct NewNotice: Sendable, Equatable {
    package var conversation: String
    /// Opaque.
    package var target: [UInt8]
    package var part: OutboxPart

    package init(conversation: String, target: [UInt8], part: OutboxPart) {
        self.conversation = conversation
        self.target = target
        self.part = part
    }

    package init(conversation: String, target: [UInt8], text: String) {
        self.init(conversation: conversation, target: target, part: OutboxPart(text: text))
    }
}
