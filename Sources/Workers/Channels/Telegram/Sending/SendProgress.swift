/// How far rows of several calls have come, so that a row that is tried again does not repeat what was delivered.
///
/// In memory: another incarnation begins such a row anew, in doubt and marked.
struct SendProgress {
    struct Done: Equatable {
        var steps = 0
        /// The first message of the row.
        var messageID = ""
    }

    /// Rows that are remembered; the oldest is forgotten first.
    static let limit = 256

    private var rows: [UInt64: Done] = [:]
    private var order: [UInt64] = []

    subscript(row: UInt64) -> Done { rows[row] ?? Done() }

    mutating func keep(_ done: Done, of row: UInt64) {
        if rows.updateValue(done, forKey: row) == nil { order.append(row) }
        if order.count > Self.limit { rows[order.removeFirst()] = nil }
    }

    mutating func forget(_ row: UInt64) {
        guard rows.removeValue(forKey: row) != nil else { return }
        order.removeAll { $0 == row }
    }

    var count: Int { rows.count }
}
