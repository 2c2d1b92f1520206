internal import Journal

/// Rows of one link on their way into the ledger: one commit at a time, for as many rows as there are or for those of a moment,
/// since a commit costs more than the rows in it. Their worker keeps them until they are acknowledged.
struct LedgerIntake {
    /// Rows of one commit, and rows that may wait.
    static let batch = 64
    static let most = 4096
    /// From a commit that failed to the next try, milliseconds.
    static let retryAfter: Int64 = 5000

    /// How long the first that waits does, until there are enough for a commit; milliseconds.
    static let patience: Int64 = 200

    private(set) var waiting: [LedgerEntry] = []
    private var isOpen = false
    private var retryAt: Int64 = 0
    private var since: Int64 = 0

    /// False: too many wait.
    mutating func add(_ entry: LedgerEntry, now: Int64) -> Bool {
        guard waiting.count < Self.most else { return false }
        if waiting.isEmpty { since = now }
        waiting.append(entry)
        return true
    }

    /// What is to be committed now; nil: nothing yet, or something is on its way.
    ///
    /// - Parameter isUrgent: nothing waits for more.
    mutating func next(now: Int64, isUrgent: Bool = false) -> [LedgerEntry]? {
        guard !isOpen, !waiting.isEmpty, now >= retryAt else { return nil }
        // A clock that was set back makes nobody wait.
        guard isUrgent || waiting.count >= Self.batch || now >= since + Self.patience || now < since else { return nil }
        isOpen = true
        let rows = Array(waiting.prefix(Self.batch))
        waiting.removeFirst(rows.count)
        return rows
    }

    /// When `next` has something, though nothing more comes; nil: there is nothing, or it follows upon what is on its way.
    var dueAt: Int64? { isOpen || waiting.isEmpty ? nil : max(retryAt, since + Self.patience) }

    mutating func done() { isOpen = false }

    /// Nothing of these was kept: they are tried again.
    mutating func failed(_ rows: [LedgerEntry], now: Int64) {
        isOpen = false
        waiting = rows + waiting
        retryAt = now + Self.retryAfter
    }
}
