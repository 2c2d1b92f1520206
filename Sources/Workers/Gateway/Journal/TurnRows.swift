/// A turn about to be journaled.
package struct NewTurn: Sendable, Equatable {
    /// The channel of turns that no worker brought and no outbox takes the answer of.
    package static let webchat = "webchat"

    package var turnID: String
    package var runID: String
    /// As the sender spelt it.
    package var sessionKey: String
    /// The canonical session key: turns of one lane run one after another.
    package var lane: String
    /// `agent:main`.
    package var agent: String
    /// The worker that brought it, or `webchat`.
    package var channel: String
    package var account: String
    /// Outbox rows of one conversation go out one after another.
    package var conversation: String
    /// Where the answer goes; opaque.
    package var target: [UInt8]
    /// The parsed message; opaque to the journal.
    package var message: [UInt8]

    package init(
        turnID: String,
        runID: String,
        sessionKey: String,
        lane: String,
        agent: String,
        channel: String,
        account: String,
        conversation: String,
        target: [UInt8],
        message: [UInt8]
    ) {
        self.turnID = turnID
        self.runID = runID
        self.sessionKey = sessionKey
        self.lane = lane
        self.agent = agent
        self.channel = channel
        self.account = account
        self.conversation = conversation
        self.target = target
        self.message = message
    }
}

/// A turn that an agent holds.
package struct TurnRow: Sendable, Equatable {
    package var turn: NewTurn
    /// From 1.
    package var attempts: Int
    /// Not empty: it was told to stop, with this reason.
    package var interrupt: String
    /// Calls that this and earlier attempts opened, in order.
    package var toolCalls: [ToolRow]
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
    /// The answer, cut for its channel. Empty for WebChat.
    package var chunks: [String]

    package init(status: Status, sentence: String = "", chunks: [String] = []) {
        self.status = status
        self.sentence = sentence
        self.chunks = chunks
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
    case started
    case inFlight
    case finished
    /// Ended with this sentence.
    case failed(String)
    case crowded
}

/// Turns that an agent was given.
package struct TurnClaims: Sendable, Equatable {
    package var turns: [TurnRow]
    /// Whether more of this agent's turns wait.
    package var moreWait: Bool
}
