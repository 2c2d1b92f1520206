/// Names a row of the journal for people: `inbox:12`, `turn:3f0c…`, `outbox:34`.
package enum QueueID: Sendable, Equatable, CustomStringConvertible {
    case inbox(Int64)
    case turn(String)
    case outbox(Int64)

    /// Nil for what is none.
    package init?(_ text: String) {
        guard text.utf8.count <= 256, let colon = text.firstIndex(of: ":") else { return nil }
        let rest = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "inbox":
            guard let row = Int64(rest), row > 0 else { return nil }
            self = .inbox(row)
        case "turn":
            guard !rest.isEmpty else { return nil }
            self = .turn(rest)
        case "outbox":
            guard let row = Int64(rest), row > 0 else { return nil }
            self = .outbox(row)
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .inbox(let row): "inbox:\(row)"
        case .turn(let id): "turn:\(id)"
        case .outbox(let row): "outbox:\(row)"
        }
    }
}

/// How things stand with a row, as people are told.
package enum QueueState: String, Sendable, CaseIterable {
    case waiting
    case running
    /// Given up: it killed what worked on it, or could not be delivered.
    case dead
    /// Too old to be answered.
    case expired
    /// Its network refused it for good.
    case rejected
    /// By the operator, or because too much waited.
    case dropped

    /// What an operator has to know of.
    package static let open: Set<QueueState> = [.waiting, .running, .dead, .expired, .rejected]
}

/// A row of the journal for people.
package struct QueueItem: Sendable, Equatable {
    package var id: QueueID
    package var state: QueueState
    /// The worker, or `webchat`.
    package var channel: String
    /// Of a turn.
    package var agent = ""
    package var conversation = ""
    package var sender = ""
    /// Milliseconds since 1970.
    package var at: Int64
    package var settledAt: Int64 = 0
    package var attempts: Int
    package var reason: String
    /// First words.
    package var text: String
}

/// All of one row.
package struct QueueDetail: Sendable, Equatable {
    package var item: QueueItem
    package var eventKey = ""
    package var runID = ""
    package var sessionKey = ""
    /// Of an event: as its network sent it. Of a turn: the message, opaque. Empty: forgotten.
    package var body: [UInt8] = []
    /// Of a part: all of its text.
    package var text = ""
    /// Turns that are answered together with it.
    package var merged: [QueueID] = []
    package var messageID = ""
    package var isPossibleDuplicate = false
    package var isInDoubt = false
    package var ownDeaths = 0
    package var unknownDeaths = 0
    package var nextAttemptAt: Int64 = 0
}

/// Which rows are wanted.
package struct QueueFilter: Sendable, Equatable {
    /// A worker, `webchat`, or the beginning of a worker's name up to a colon (`channel:telegram:`); empty: all.
    package var channel = ""
    package var states = QueueState.open
    package var limit = 100

    package init() {}
}

/// What an operator asks for.
package enum QueueOrder: Sendable, Equatable {
    /// Once more, with its counters reset.
    case retry
    /// Never; `by` stands in the row with the time.
    case drop(by: String)
}

/// What came of it.
package enum QueueOrderOutcome: Sendable, Equatable {
    /// The row as it is now, whose work it is (an agent or a channel), and turns that ended with it.
    case done(QueueItem, worker: String, stopped: [StoppedTurn])
    /// Why not, in words.
    case refused(String)
}
