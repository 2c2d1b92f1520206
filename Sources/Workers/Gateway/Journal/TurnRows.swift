/// A turn that an agent holds.
package struct TurnRow: Sendable, Equatable {
    package var turn: NewTurn
    /// From 1.
    package var attempts: Int
    /// Not empty: it was told to stop, with this reason.
    package var interrupt: String
    /// Calls that this and earlier attempts opened, in order.
    package var toolCalls: [ToolRow]
    /// How `parts` belong together: `collect`, a `Gathering.Kind`, or empty without any.
    package var gather = ""
    /// Further messages that are answered with this one, in order.
    package var parts: [TurnPart] = []
    /// With `collect`: what this message itself had been gathered with before, and how.
    package var headGather = ""
    package var headParts: [TurnPart] = []
    /// First words of messages that were dropped because too much waited; the newest.
    package var dropped: [String] = []
    /// How many were dropped in all.
    package var droppedCount = 0
    /// What was said in its room since the last answer, oldest first; opaque.
    package var history: [[UInt8]] = []
    /// What happened there, in words.
    package var happened: [String] = []

    package init(turn: NewTurn, attempts: Int, interrupt: String, toolCalls: [ToolRow]) {
        self.turn = turn
        self.attempts = attempts
        self.interrupt = interrupt
        self.toolCalls = toolCalls
    }
}

/// A message that is answered together with another one, with those that had been gathered with it before.
package struct TurnPart: Sendable, Equatable {
    package var message: [UInt8]
    package var gather: String
    package var parts: [TurnPart]
}

/// A tool call as it stands in the journal.
package struct ToolRow: Sendable, Equatable {
    package var callID: String
    package var name: String
    package var arguments: [UInt8]
    package var isReadOnly: Bool
    /// Nil while nothing is known of its effect.
    package var result: ToolOutcome?

    package init(callID: String, name: String, arguments: [UInt8], isReadOnly: Bool, result: ToolOutcome? = nil) {
        self.callID = callID
        self.name = name
        self.arguments = arguments
        self.isReadOnly = isReadOnly
        self.result = result
    }
}

/// What a tool call came to.
package struct ToolOutcome: Sendable, Equatable {
    package var text: String
    package var isError: Bool

    package init(text: String, isError: Bool) {
        self.text = text
        self.isError = isError
    }
}

/// How a turn ended.
package struct TurnResult: Sendable, Equatable {
    /// Raw values are what the journal holds.
    package enum Status: String, Sendable {
        case ok
        case error
        case aborted
    }

    package var status: Status
    /// With `error`, what the user is told.
    package var sentence: String
    /// What goes out, in this order. Empty for WebChat.
    package var parts: [OutboxPart]

    package init(status: Status, sentence: String = "", parts: [OutboxPart] = []) {
        self.status = status
        self.sentence = sentence
        self.parts = parts
    }
}

/// What a report of an end changed.
package enum TurnSettlement: Sendable, Equatable {
    case settled
    /// It had ended before: acknowledged again, nothing else.
    case known
    /// No such turn is this agent's.
    case unknown
}

/// A turn that was told to stop.
package struct StoppedTurn: Sendable, Equatable {
    package var turnID: String
    package var runID: String
    package var sessionKey: String
    package var agent: String
    /// False: it was still waiting and has ended with this.
    package var wasRunning: Bool
}

/// What a request to stop found.
package enum StopOutcome: Sendable, Equatable {
    case stopped([StoppedTurn])
    /// The run belongs to another session.
    case otherSession
}

/// What is known of an idempotency key.
package enum ChatReceipt: Sendable, Equatable {
    case started(Entered)
    case inFlight
    case finished
    /// Ended with this sentence.
    case failed(String)
    case crowded
}

/// Turns that an agent was given.
package struct TurnClaims: Sendable, Equatable {
    package var turns: [TurnRow] = []
    /// Whether more of this agent's turns wait.
    package var moreWait = false
    /// When the next one that waits for quiet is due, milliseconds since 1970.
    package var dueAt: Int64?
    /// Turns that were answered together with one of `turns` from now on: they have no end of their own.
    package var merged: [StoppedTurn] = []
    /// Turns that are too old to be answered, with their channel.
    package var expired: [ExpiredTurn] = []

    package init() {}
}

/// A turn that waited until it was too old.
package struct ExpiredTurn: Sendable, Equatable {
    package var turn: StoppedTurn
    package var channel: String
}
