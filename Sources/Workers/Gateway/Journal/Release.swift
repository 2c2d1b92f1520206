/// How a death counts against what the dead incarnation had in hand.
package enum Death: Sendable, Equatable {
    /// Its own doing: two of them and the item is a dead letter.
    case ownDoing
    /// Killed by something else: five of them.
    case unknown
    /// Ended on purpose.
    case uncounted
}

/// Limits of what an item survives.
package struct PoisonLimits: Sendable, Equatable {
    package var ownDeaths = 2
    package var unknownDeaths = 5

    package init() {}
}

/// What an incarnation's death did to the work it held.
package struct ReleaseReport: Sendable, Equatable {
    /// The death was journaled before; nothing changed.
    package var wasKnown = false
    /// Agents that have turns waiting again.
    package var requeuedAgents: Set<String> = []
    package var requeuedTurns: [String] = []
    package var deadTurns: [StoppedTurn] = []
    /// Turns that had been told to stop and count as stopped now.
    package var abortedTurns: [StoppedTurn] = []
    package var deadInbox: [DeadItem] = []
    package var deadOutbox: [DeadItem] = []
    /// Chunks that will be sent again although they may have arrived.
    package var inDoubt: [DeadItem] = []

    package init() {}
}

/// A row for the operator's eyes.
package struct DeadItem: Sendable, Equatable {
    package var row: Int64
    package var worker: String
    /// Event key, turn id, or origin of the chunk.
    package var name: String
    package var reason: String
}

/// What a worker finds when it says HELLO: everything that stands in its incarnation's name.
package struct Holdings: Sendable, Equatable {
    /// Empty: none was ever journaled.
    package var cursor: [UInt8] = []
    package var inbox: [InboxRow] = []
    package var turns: [TurnRow] = []
    package var sends: [OutboxRow] = []
    /// Of a model worker alone.
    package var modelState = ModelStateRow()
    /// Of the worker of telephone calls alone: those that have not ended.
    package var calls: [KeptCall] = []

    package init() {}
}

/// Counts of the journal's queues.
package struct JournalCounts: Sendable, Equatable {
    package var inboxPending = 0
    package var turnsQueued = 0
    package var turnsRunning = 0
    package var outboxPending = 0
    package var outboxInflight = 0
    package var deadLetters = 0

    package init() {}
}
