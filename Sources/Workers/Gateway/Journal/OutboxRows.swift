/// One thing to say or do on a network, as its row holds it.
package struct OutboxPart: Sendable, Equatable {
    package var text: String
    /// All that is not text: files, buttons, a reaction; opaque to the journal.
    package var payload: [UInt8]
    /// Not worth a dead letter, and nothing waits behind it: a reaction.
    package var isMinor: Bool

    package init(text: String, payload: [UInt8] = [], isMinor: Bool = false) {
        self.text = text
        self.payload = payload
        self.isMinor = isMinor
    }
}

/// A chunk that a channel's worker holds.
package struct OutboxRow: Sendable, Equatable {
    package var row: Int64
    /// The turn it answers, or the event that a notice belongs to.
    package var origin: String
    package var chunk: Int
    package var conversation: String
    package var target: [UInt8]
    package var part: OutboxPart
    /// An incarnation that died may have delivered it.
    package var isInDoubt: Bool
    /// From 1.
    package var attempts: Int
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// When it was written, or last asked for by the operator: it is given up a day after.
    package var ageFrom: Int64
    /// When it was first handed to a worker.
    package var firstTriedAt: Int64

    /// The same for every try of this row, 24 characters.
    package var nonce: String { Self.digits(createdAt) + Self.digits(row) }

    private static func digits(_ value: Int64) -> String {
        let text = String(UInt64(bitPattern: value) & 0xFFFF_FFFF_FFFF, radix: 16)
        return String(repeating: "0", count: 12 - text.count) + text
    }
}

/// Chunks that a channel was given.
package struct SendClaims: Sendable, Equatable {
    package var rows: [OutboxRow]
    /// When the next one that waits for its time may go, milliseconds since 1970.
    package var nextAt: Int64?
}

/// What became of a chunk.
package enum SendOutcome: Sendable, Equatable {
    case sent(messageID: String)
    /// To be tried again, not before this time.
    case again(at: Int64, error: String)
    case rejected(error: String)
    /// Given up.
    case dead(error: String)
}

/// What a report on a chunk changed.
package enum SendSettlement: Sendable, Equatable {
    /// `possibleDuplicate`: it may have been delivered twice. `isDead`: it became a dead letter.
    case settled(possibleDuplicate: Bool, isDead: Bool)
    /// Settled before: acknowledged again, nothing else.
    case known
    /// No such row is this channel's.
    case unknown
}
