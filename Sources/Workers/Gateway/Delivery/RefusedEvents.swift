/// Events of one channel that could not be journaled. Until each has come again the cursor must not pass them.
struct RefusedEvents {
    private var keys: Set<String> = []
    /// More were refused than are remembered: only a new start of the worker, which begins at the cursor, clears it.
    private var isBlocked = false
    let limit: Int
    /// Whose they are: another incarnation begins at the journaled cursor.
    let incarnation: UInt64

    init(limit: Int, incarnation: UInt64) {
        self.limit = limit
        self.incarnation = incarnation
    }

    var holdsCursor: Bool { isBlocked || !keys.isEmpty }

    mutating func refuse(_ key: String) {
        if keys.count < limit { keys.insert(key) } else { isBlocked = true }
    }

    mutating func accept(_ key: String) { keys.remove(key) }
}
