internal import Journal

/// Rows of one link on their way into the ledger: one commit at a time, what comes meanwhile goes together in the next.
struct LedgerIntake {
    /// Rows of one commit, and rows that may wait.
    static let batch = 64
    static let most = 4096
    /// From a commit that failed to the next try, milliseconds.
    static let retryAfter: Int64 = 5000

    private(set) var waiting: [LedgerEntry] = []
    private var isOpen = false
    private var retryAt: Int64 = 0

    /// False: too many wait.
    mutating func add(_ entry: LedgerEntry) -> Bool {
        guard waiting.count < Self.most else { return false }
        waiting.append(entry)
        return true
    }

    /// What is to be committed now; nil: nothing, or something is on its way.
    mutating func next(now: Int64) -> [LedgerEntry]? {
        guard !isOpen, !waiting.isEmpty, now >= retryAt else { return nil }
        isOpen = true
        let rows = Array(waiting.prefix(Self.batch))
        waiting.removeFirst(rows.count)
        return rows
    }

    mutating func done() { isOpen = false }

    /// Nothing of these was kept: they are tried again.
    mutating func failed(_ rows: [LedgerEntry], now: Int64) {
        isOpen = false
        waiting = rows + waiting
        retryAt = now + Self.retryAfter
    }
}
