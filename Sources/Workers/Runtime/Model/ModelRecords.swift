internal import FoundationEssentials
internal import IPCControl
package import IPCHub
package import Logging
package import NIOCore
internal import Synchronization

/// What a model worker must not forget and cannot keep, having no disk: ledger rows until the gateway has them, and its
/// state whenever that changes.
package final class ModelRecords: Sendable {
    /// Rows that wait for their acknowledgement; what is beyond is counted and said in the log.
    static let rowLimit = 2000
    /// Shortest time between two saves that nothing urgent asks for.
    static let saveInterval = Duration.seconds(1)
    /// The first state is waited for so long; a gateway that has none says so at once.
    package static let restoreLimit = Duration.seconds(3)

    private let log: Logger
    private let prefix: String
    private let state = Mutex(State())
    private let restored: Gate
    private let loop: any EventLoop
    private let executor: LoopExecutor
    private let patience: Duration

    /// Whether a save is on its way, and how soon.
    private enum Schedule: Int {
        case none, soon, now
    }

    private struct State {
        var send: (@Sendable (HubMessage) async -> Bool)?
        var rows: [HubLedgerRow] = []
        var lost = 0
        var nextRow: UInt64 = 0
        var snapshot: (@Sendable () -> HubModelState)?
        var restore: (@Sendable (HubModelState) -> Void)?
        var seq: UInt64 = 0
        var acked: UInt64 = 0
        /// The last save that the gateway answered, kept or not.
        var answered: UInt64 = 0
        var scheduled = Schedule.none
        var lastSave: ContinuousClock.Instant?
        var savers: [(seq: UInt64, gate: Gate)] = []
        /// The answer to the last save that could not be kept.
        var error = ""
    }

    /// - Parameters:
    ///   - prefix: what begins a row's id; unique for ever with a counter behind it.
    ///   - patience: how long the first state is waited for.
    package init(prefix: String, log: Logger, on loop: any EventLoop, patience: Duration = ModelRecords.restoreLimit) {
        self.prefix = prefix
        self.log = log
        self.patience = patience
        self.loop = loop
        executor = LoopExecutor(loop)
        restored = Gate(on: loop)
    }

    /// Of a worker's incarnation: incarnations begin anew with each supervisor, so the moment is in it as well.
    package convenience init(_ worker: Worker) {
        let milliseconds = Int64(clamping: Int(Date().timeIntervalSince1970 * 1000))
        let provider = worker.start.id.parts.joined(separator: "/")
        self.init(
            prefix: "\(provider).\(String(milliseconds, radix: 36)).\(worker.start.incarnation).",
            log: worker.log,
            on: worker.eventLoop
        )
    }

    /// Ties state and its owner together: `snapshot` is what is to be kept, `restore` is given what was.
    package func keep(
        _ snapshot: @escaping @Sendable () -> HubModelState,
        restore: @escaping @Sendable (HubModelState) -> Void
    ) {
        state.withLock { ($0.snapshot, $0.restore) = (snapshot, restore) }
    }

    // MARK: Ledger

    /// Writes one attempt down, under an id of its own.
    ///
    /// - Parameter relayed: the answer that it goes along with, in front of its end: a frame of its own on the link would cost
    ///   worker and gateway a tenth of a small request.
    package func record(_ row: HubLedgerRow, with relayed: RelayAnswer? = nil) {
        var row = row
        let (numbered, lost) = state.withLock { state in
            state.nextRow += 1
            row.id = prefix + String(state.nextRow)
            state.rows.append(row)
            if state.rows.count > Self.rowLimit {
                state.rows.removeFirst(state.rows.count - Self.rowLimit)
                state.lost += 1
            }
            return (row, state.rows.count == Self.rowLimit ? state.lost : 0)
        }
        // Said at 1, 2, 4, 8 …: a gateway that is away for long must not fill the log.
        if lost > 0, lost & (lost - 1) == 0 {
            log.error(
                "\(lost) rows of the usage ledger are lost: the gateway has taken none for \(Self.rowLimit) attempts"
            )
        }
        guard let relayed else { return tell(numbered) }
        relayed.perform { output in
            if !output.row(numbered) { self.tell(numbered) }
        }
    }

    /// Tells a row again that went along with an answer whose end may not have been read.
    func tellAgain(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        for row in state.withLock({ state in state.rows.filter { ids.contains($0.id) } }) { tell(row) }
    }

    private func tell(_ row: HubLedgerRow) {
        guard let send = state.withLock({ $0.send }) else { return }
        // Ends when the frame is written; without a link `welcomed` sends it.
        Task(executorPreference: executor) { _ = await send(.ledgerRow(row)) }
    }

    /// Rows without an acknowledgement, and rows that are lost.
    package var ledger: (waiting: Int, lost: Int) { state.withLock { ($0.rows.count, $0.lost) } }

    // MARK: State

    /// What `snapshot` says has changed: it is saved within a second, or at once.
    package func changed(urgent: Bool) {
        let pause = state.withLock { state -> Duration? in
            let wanted: Schedule = urgent || state.lastSave == nil ? .now : .soon
            guard state.scheduled.rawValue < wanted.rawValue else { return nil }
            state.scheduled = wanted
            guard wanted == .soon, let last = state.lastSave else { return .zero }
            return max(.zero, Self.saveInterval - (ContinuousClock.now - last))
        }
        guard let pause else { return }
        // Ends by itself within a second.
        Task {
            if pause > .zero { try? await Task.sleep(for: pause) }  // never cancelled
            guard self.state.withLock({ $0.scheduled != .none }) else { return }
            await self.save()
        }
    }

    /// Saves now and returns when the gateway has it: nil, or its words when it could not be kept. Throws `TimeLimit.Exceeded`
    /// when nothing was heard in time.
    package func saved(within limit: Duration) async throws -> String? {
        let gate = Gate(on: loop)
        await save(gate)
        guard await gate.opens(within: limit) else { throw TimeLimit.Exceeded() }
        let error = state.withLock { $0.error }
        return error.isEmpty ? nil : error
    }

    private func save(_ gate: Gate? = nil) async {
        // An empty state must not take the place of one that is still on its way here: before that is read nothing is sent,
        // and `welcomed` asks again.
        let isRead = await restored.opens(within: patience)
        guard isRead || !Task.isCancelled else { return }
        let frame = state.withLock { state -> (HubModelState, @Sendable (HubMessage) async -> Bool)? in
            state.scheduled = .none
            guard let snapshot = state.snapshot else { return nil }
            state.seq += 1
            state.lastSave = .now
            var kept = snapshot()
            kept.seq = state.seq
            if let gate { state.savers.append((state.seq, gate)) }
            return isRead ? state.send.map { (kept, $0) } : nil
        }
        if let (kept, send) = frame { _ = await send(.modelState(kept)) }
    }

    /// What was kept has come, or it was waited for long enough.
    package func isRestored() async {
        guard await !restored.opens(within: patience), !restored.isOpen, !Task.isCancelled else { return }
        log.warning("the gateway has not said what it keeps of this provider's cooldowns; going on without")
        restored.open()
    }

    /// Whether everything is with the gateway, or it has said that it cannot keep it.
    var isSettled: Bool {
        state.withLock { $0.rows.isEmpty && $0.scheduled == .none && $0.savers.isEmpty && $0.answered >= $0.seq }
    }

    // MARK: The link

    func attach(_ send: @escaping @Sendable (HubMessage) async -> Bool) { state.withLock { $0.send = send } }

    /// The link stands again: what has no acknowledgement is sent once more.
    func welcomed() async {
        let (rows, send, isUnsaved) = state.withLock { ($0.rows, $0.send, $0.acked < $0.seq) }
        guard let send else { return }
        // A row that cannot be sent keeps none behind it from being sent.
        for row in rows { _ = await send(.ledgerRow(row)) }
        guard isUnsaved else { return }
        // The state that was kept is read behind this: who waited for it here would save an empty one over it.
        if restored.isOpen { await save() } else { changed(urgent: true) }
    }

    /// Takes a frame that is for the records; false when it is not.
    func received(_ message: HubMessage) -> Bool {
        switch message {
        case .modelState(let kept):
            state.withLock { $0.restore }?(kept)
            restored.open()
        case .modelStateAck(let ack):
            let ready = state.withLock { state in
                state.answered = max(state.answered, min(ack.seq, state.seq))
                state.acked = max(state.acked, ack.error.isEmpty ? min(ack.seq, state.seq) : 0)
                state.error = String(ack.error.prefix(500))
                defer { state.savers.removeAll { $0.seq <= ack.seq } }
                return state.savers.filter { $0.seq <= ack.seq }.map(\.gate)
            }
            if !ack.error.isEmpty { log.error("cooldowns and credentials are not kept: \(ack.error.prefix(300))") }
            for gate in ready { gate.open() }
        case .ledgerAck(let ack):
            let ids = Set(ack.ids)
            state.withLock { state in state.rows.removeAll { ids.contains($0.id) } }
        default: return false
        }
        return true
    }
}
