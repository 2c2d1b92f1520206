internal import IPCControl

/// What the living gateway has still to be told: deaths first, then rows that changed.
struct GatewayFeed {
    /// A row whose memory alone moved by less is not worth a message.
    static let memoryStepKB: Int64 = 256

    private(set) var ledger = ExitLedger()
    private var changes: [WorkerID] = []
    private(set) var goneIDs: [WorkerID] = []
    /// The rows as told last.
    private var told: [WorkerID: WorkerStatus] = [:]

    var isEmpty: Bool { changes.isEmpty && goneIDs.isEmpty && !hasDeaths }
    private var hasDeaths = false

    mutating func died(_ id: WorkerID, _ incarnation: UInt64, _ death: CauseOfDeath) {
        ledger.record(id, incarnation, death)
        hasDeaths = true
    }

    mutating func confirmed(_ id: WorkerID, _ incarnation: UInt64) {
        ledger.confirm(id, incarnation)
    }

    mutating func changed(_ id: WorkerID) {
        if !changes.contains(id) { changes.append(id) }
    }

    mutating func gone(_ id: WorkerID) {
        changes.removeAll { $0 == id }
        told[id] = nil
        if !goneIDs.contains(id) { goneIDs.append(id) }
    }

    /// A new incarnation knows nothing: all deaths that none has confirmed, then all rows.
    mutating func gatewayStarted(knowing ids: [WorkerID]) {
        ledger.forgetTelling()
        hasDeaths = true
        changes = ids
        goneIDs = []
        told = [:]
    }

    /// Goes on where another image of this supervisor was. Rows are told again: a row twice does no harm.
    mutating func adopt(_ ledger: ExitLedger, gone: [WorkerID], knowing ids: [WorkerID]) {
        self.ledger = ledger
        hasDeaths = true
        goneIDs = gone
        changes = ids
    }

    mutating func gatewayDied() {
        told = [:]
    }

    /// The next thing to tell; nil when there is nothing more. `row` makes a worker's row, or nil for one that is gone.
    mutating func next(
        status: (WorkerID) -> WorkerStatus?,
        row: (WorkerStatus) -> Block
    ) -> Block? {
        if let death = ledger.next() { return .exit(death) }
        hasDeaths = false
        if !goneIDs.isEmpty { return Block("GONE", ["ID": goneIDs.removeFirst().rawValue]) }
        while !changes.isEmpty {
            let id = changes.removeFirst()
            guard let status = status(id), isWorthTelling(status) else { continue }
            told[id] = status
            return row(status)
        }
        return nil
    }

    private func isWorthTelling(_ status: WorkerStatus) -> Bool {
        guard var last = told[status.id] else { return true }
        guard abs(last.usedKB - status.usedKB) < Self.memoryStepKB else { return true }
        last.usedKB = status.usedKB
        last.peakKB = status.peakKB
        return last != status
    }
}

extension Supervisor {
    /// Tells the gateway what is new, as far as it reads.
    func tellGateway() {
        guard let process = processes.values.first(where: { $0.id.kind == .gateway }), process.lifeline != nil,
            !feed.isEmpty
        else { return }
        while process.outgoing.count < 64 * 1024 {
            let block = feed.next(status: { self.tree.status(of: $0) }, row: { self.row($0) })
            guard let block else { break }
            send(block, to: process)
        }
        flush(process)
    }

    /// A row with wall-clock time.
    func row(_ status: WorkerStatus) -> Block {
        let (now, wall) = (Instant.now(), LogWriter.wallMilliseconds())
        return .row(status) { wall - (now - $0).wholeMilliseconds }
    }
}
