internal import IPCHub
internal import Journal

/// A worker's control link, as the engine sees it.
struct LinkState {
    let worker: String
    let id: Int
    let incarnation: UInt64
    /// False until what stands in its name was read from the journal and WELCOME was sent.
    var isReady = false
    var inboxClaim = ClaimGate()
    var turnClaim = ClaimGate()
    var sendClaim = ClaimGate()
    /// Of a model worker.
    var ledger = LedgerIntake()
    /// Its incarnation is dead; what it said before is still read.
    var pendingExit: (exit: WorkerExit, at: Int64)?
    /// No work is given to it any more.
    var isDismissed = false

    init(worker: String, id: Int, incarnation: UInt64) {
        self.worker = worker
        self.id = id
        self.incarnation = incarnation
    }

    var takesWork: Bool { isReady && pendingExit == nil && !isDismissed }
}

/// One claim at a time per link and kind; a wish that comes meanwhile leads to one more.
struct ClaimGate {
    /// A claim is on its way through the journal.
    private(set) var isOpen = false
    private var isWanted = false

    /// Whether to claim now.
    mutating func want() -> Bool {
        isWanted = isOpen
        if isOpen { return false }
        isOpen = true
        return true
    }

    /// The claim is back. Whether to claim again.
    mutating func done(again: Bool = false) -> Bool {
        let more = isWanted || again
        isOpen = false
        isWanted = false
        return more
    }
}
