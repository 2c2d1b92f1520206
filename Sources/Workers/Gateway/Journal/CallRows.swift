/// A telephone call as it is kept. Times are milliseconds since 1970.
package struct KeptCall: Sendable, Equatable {
    package var callID: String
    /// As the record says it: `ringing`, `completed`.
    package var state: String
    /// JSON (`CallRecord` in Runtime).
    package var record: [UInt8]
    package var hasEnded: Bool
    package var startedAt: Int64
    package var updatedAt = Int64(0)
    /// Rises with every change of any call.
    package var rev = Int64(0)

    package init(callID: String, state: String, record: [UInt8], hasEnded: Bool, startedAt: Int64) {
        self.callID = callID
        self.state = state
        self.record = record
        self.hasEnded = hasEnded
        self.startedAt = startedAt
    }
}

/// What became of a save.
package enum CallSave: Sendable, Equatable {
    case kept
    /// It has ended before: nothing changes it any more.
    case ended
    /// As many calls live as may.
    case crowded
}
