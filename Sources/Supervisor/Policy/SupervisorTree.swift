package import IPCControl

/// The supervisor's whole judgement: which worker lives, when it is started again, how it is ended.
///
/// Pure: `handle` gets an event and the time and returns what to do. The shell does it and reports back with further
/// events; nothing in here waits, reads a clock or makes a system call. The state machine is drawn in
/// `docs/decisions/0020-restart-policy.md`.
package struct SupervisorTree: Sendable {
    var records: [WorkerID: WorkerRecord] = [:]
    /// The highest incarnation of any worker that is gone: a worker that comes back into the plan goes on from there.
    var incarnationFloor: UInt64 = 0
    var restartBudget: TreeRestartBudget
    var random: SplitMix64
    var shutdown: TreeDrain?
    /// Memory of the machine or container, KiB.
    var totalKB: Int64?
    /// What no worker may have.
    var reserve = MemoryShare()
    var effects: [SupervisorEffect] = []

    package init(seed: UInt64, now: Instant) {
        random = SplitMix64(seed: seed)
        restartBudget = TreeRestartBudget(now: now)
    }

    /// Takes one event and returns what to do about it, in order.
    package mutating func handle(_ event: SupervisorEvent, at now: Instant) -> [SupervisorEffect] {
        switch event {
        case .total(let totalKB): self.totalKB = totalKB
        case .planned(let specs, let reserve):
            self.reserve = reserve
            reconcile(specs, now)
        case .spawned, .spawnFailed, .ready, .heartbeat, .memory, .limited, .status, .fatal, .leave, .lifelineBroken,
            .exited:
            processEvent(event, now)
        case .start(let id, let commander): start(id, by: commander, now)
        case .stop(let id): stop(id, now)
        case .restart(let id): restart(id, now)
        case .reset(let id): reset(id, now)
        case .terminate: terminate(now)
        case .tick: break
        }
        lookAtClock(now)
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    /// When `tick` is due, if nothing happens before.
    package var nextDeadline: Instant? {
        let deadlines = records.values.lazy.compactMap(\.deadline)
        return [deadlines.min(), shutdown?.deadline].lazy.compactMap { $0 }.min()
    }

    /// A worker's row, nil when the plan has no such worker.
    package func status(of id: WorkerID) -> WorkerStatus? {
        records[id]?.status
    }

    /// All rows: the gateway first, the others by name.
    package var statuses: [WorkerStatus] {
        records.values.map(\.status).sorted { left, right in
            let (leads, follows) = (left.id.kind == .gateway, right.id.kind == .gateway)
            return leads == follows ? left.id.rawValue < right.id.rawValue : leads
        }
    }

    /// Whether `terminate` was heard.
    package var isShuttingDown: Bool { shutdown != nil }

    /// Changes a record in place and returns what `change` returns.
    @discardableResult
    mutating func update<Result>(_ id: WorkerID, _ change: (inout WorkerRecord) -> Result) -> Result? {
        guard var record = records[id] else { return nil }
        let result = change(&record)
        records[id] = record
        return result
    }

    /// Enters `phase` and tells.
    mutating func move(_ id: WorkerID, to phase: WorkerRecord.Phase, _ now: Instant) {
        update(id) { $0.enter(phase, now: now) }
        effects.append(.changed(id))
    }

    mutating func say(_ id: WorkerID?, _ text: String) {
        effects.append(.say(id, text))
    }

    private mutating func lookAtClock(_ now: Instant) {
        advanceShutdown(now)
        for (id, record) in records {
            guard let deadline = record.deadline, deadline <= now else { continue }
            deadlineReached(id, record, now)
        }
    }

    private mutating func deadlineReached(_ id: WorkerID, _ record: WorkerRecord, _ now: Instant) {
        switch record.phase {
        case .starting(var life), .ready(var life):
            let isReady = life.readyAt != nil
            guard life.liveness.look(now: now) else {
                update(id) { $0.phase = isReady ? .ready(life) : .starting(life) }
                return
            }
            killNow(id, life, .watchdog, next: .policy, text: Self.silence(of: record.spec, isReady: isReady), now)
        case .draining(let life, var ending):
            guard !ending.isKilled else { return }
            ending.isKilled = true
            update(id) { $0.phase = .draining(life, ending) }
            effects.append(.kill(id, record.incarnation))
        case .backoff, .quarantined:
            spawn(id, now)
        case .stopped, .parked: break
        }
    }

    /// What a worker did not do in time.
    private static func silence(of spec: WorkerSpec, isReady: Bool) -> String {
        if isReady {
            return "no heartbeat for \((PolicyTiming.heartbeatSuspicion + PolicyTiming.heartbeatGrace).inWords)"
        }
        guard let sign = spec.readySign else { return "not ready within \(PolicyTiming.startDeadline.inWords)" }
        return "not ready within \(PolicyTiming.foreignStartDeadline.inWords): \(sign)"
    }

    /// Ends a life with SIGKILL at once.
    mutating func killNow(
        _ id: WorkerID,
        _ life: WorkerRecord.Life,
        _ reason: WorkerRecord.Ending.Reason,
        next: WorkerRecord.Ending.Next,
        text: String,
        _ now: Instant
    ) {
        guard let incarnation = records[id]?.incarnation else { return }
        let ending = WorkerRecord.Ending(reason: reason, next: next, killAt: now, isKilled: true, text: text)
        move(id, to: .draining(life, ending), now)
        effects.append(.kill(id, incarnation))
    }

    private func grant(of spec: WorkerSpec) -> MemoryGrant {
        let hardKB = spec.memory.hard.resolved(totalKB: totalKB)
        let softKB = spec.memory.soft?.resolved(totalKB: totalKB) ?? hardKB / 4 * 3
        return MemoryGrant(hardKB: hardKB, softKB: softKB)
    }

    /// Starts the next incarnation of a worker that has no process.
    mutating func spawn(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, let record = records[id], record.life == nil, !record.isRemoved else { return }
        let (incarnation, overflow) = record.incarnation.addingReportingOverflow(1)
        guard !overflow else { return }
        let grant = grant(of: record.spec)
        update(id) { record in
            record.incarnation = incarnation
            record.text = ""
            record.usedKB = 0
            record.peakKB = 0
            record.grant = grant
            let patience =
                record.spec.readySign == nil
                ? PolicyTiming.heartbeatSuspicion : PolicyTiming.foreignStartDeadline - PolicyTiming.heartbeatGrace
            let liveness = Liveness(now: now, patience: patience)
            record.enter(.starting(.init(startedAt: now, liveness: liveness)), now: now)
        }
        effects.append(.spawn(id, incarnation))
        effects.append(.changed(id))
    }
}
