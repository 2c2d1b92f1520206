package import IPCControl

/// The supervisor's whole judgement: which worker lives, when it is started again, how it is ended.
///
/// Pure: `handle` gets an event and the time and returns what to do. The shell does it and reports back with further
/// events; nothing in here waits, reads a clock or makes a system call. The state machine is drawn in
/// `docs/decisions/0020-restart-policy.md`.
package struct SupervisorTree: Sendable, Equatable {
    var records = WorkerTable()
    /// The highest incarnation of any worker that is gone: a worker that comes back into the plan goes on from there.
    var incarnationFloor: UInt64 = 0
    var restartBudget: TreeRestartBudget
    var random: SplitMix64
    var safeMode = SafeMode()
    var shutdown: TreeDrain?
    /// Memory of the machine or container, KiB.
    var totalKB: Int64?
    /// What no worker may have.
    var reserve = MemoryShare()
    /// Memory was given back or asked for since it was divided last.
    var isDivisionStale = false
    /// There may be somebody who waits for another worker, or for memory.
    var isSomebodyWaiting = false
    var effects: [SupervisorEffect] = []

    package init(seed: UInt64, now: Instant) {
        random = SplitMix64(seed: seed)
        restartBudget = TreeRestartBudget(fullAt: now)
    }

    /// Takes one event and returns what to do about it, in order.
    package mutating func handle(_ event: SupervisorEvent, at now: Instant) -> [SupervisorEffect] {
        switch event {
        case .total(let totalKB):
            self.totalKB = totalKB
            isDivisionStale = true
        case .planned(let specs, let reserve):
            self.reserve = reserve
            reconcile(specs, now)
        case .spawned, .spawnFailed, .ready, .heartbeat, .memory, .limited, .status, .fatal, .leave, .lifelineBroken,
            .exited:
            processEvent(event, now)
        case .start(let id, let commander): start(id, by: commander, now)
        case .stop(let id): stop(id, now)
        case .renew(let spec, let by): renew(spec, by, now)
        case .restart(let id): restart(id, now)
        case .reset(let id): reset(id, now)
        case .terminate: terminate(now)
        case .tick: break
        }
        lookAtClock(now)
        settle(now)
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    /// When `tick` is due, if nothing happens before.
    package var nextDeadline: Instant? {
        var next = shutdown?.deadline
        for record in records.values {
            guard let deadline = deadline(of: record) else { continue }
            next = next.map { min($0, deadline) } ?? deadline
        }
        return next
    }

    /// A worker's row, nil when the plan has no such worker.
    package func status(of id: WorkerID) -> WorkerStatus? {
        records[id]?.status
    }

    /// All rows: the gateway first, the others by name.
    package var statuses: [WorkerStatus] {
        records.values.map(\.status)
    }

    /// Whether `terminate` was heard.
    package var isShuttingDown: Bool { shutdown != nil }

    /// Changes a record in place and returns what `change` returns.
    @discardableResult
    mutating func update<Result>(_ id: WorkerID, _ change: (inout WorkerRecord) -> Result) -> Result? {
        records.update(id, change)
    }

    /// Enters `phase` and tells.
    mutating func move(_ id: WorkerID, to phase: WorkerRecord.Phase, _ now: Instant) {
        update(id) { $0.enter(phase, now: now) }
        effects.append(.changed(id))
    }

    mutating func say(_ id: WorkerID?, _ text: String) {
        effects.append(.say(id, text))
    }

    /// What follows from an event for workers that it did not name: those that wait for another, or for memory.
    private mutating func settle(_ now: Instant) {
        guard shutdown == nil else { return }
        // Before anybody starts: a limit is right from the first moment.
        if isDivisionStale { divideMemory() }
        if isSomebodyWaiting {
            stopWaiting(now)
            unpark(now)
            isSomebodyWaiting = records.values.contains { $0.isWaiting }
        }
        if isDivisionStale { divideMemory() }
    }
}
