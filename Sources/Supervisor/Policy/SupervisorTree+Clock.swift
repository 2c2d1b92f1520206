internal import IPCControl

extension SupervisorTree {
    /// Does what is due at `now`.
    mutating func lookAtClock(_ now: Instant) {
        advanceShutdown(now)
        var due: [WorkerRecord] = []
        for record in records.values {
            if let deadline = deadline(of: record), deadline <= now { due.append(record) }
        }
        // Who has waited longest gets the next token of the tree's budget.
        if due.count > 1 { due.sort { $0.since < $1.since } }
        for record in due { deadlineReached(record.spec.id, now) }
    }

    /// The next moment at which a worker must be looked at.
    func deadline(of record: WorkerRecord) -> Instant? {
        guard record.spec.id.kind == .gateway, let trialAt = trialAt(record), let other = record.deadline else {
            return record.deadline
        }
        return min(trialAt, other)
    }

    private mutating func deadlineReached(_ id: WorkerID, _ now: Instant) {
        guard let record = records[id], let deadline = deadline(of: record), deadline <= now else { return }
        if let trialAt = trialAt(record), trialAt <= now {
            beginTrial(now)
            return
        }
        switch record.phase {
        case .starting(let life), .ready(let life): lookAt(record, life, now)
        case .draining(let life, let ending): drainIsOver(record, life, ending, now)
        case .backoff:
            guard id.kind != .gateway, let next = restartBudget.take(now: now) else {
                launch([id], isRestart: true, now)
                return
            }
            update(id) { $0.phase = .backoff(until: next) }
        case .quarantined:
            guard let next = restartBudget.take(now: now) else {
                update(id) { $0.isProbing = true }
                launch([id], isRestart: true, now)
                return
            }
            update(id) { $0.phase = .quarantined(probeAt: next) }
        case .waiting:
            say(id, "\(id) \(record.text) no longer: it is started without")
            beginAfterWaiting(id, now)
        case .stopped, .parked, .parkedForMemory: break
        }
    }

    private mutating func lookAt(_ record: WorkerRecord, _ life: WorkerRecord.Life, _ now: Instant) {
        var life = life
        let id = record.spec.id
        guard life.liveness.look(now: now) else {
            update(id) { $0.phase = life.readyAt != nil ? .ready(life) : .starting(life) }
            return
        }
        let text = Self.silence(of: record.spec, isReady: life.readyAt != nil)
        killNow(id, life, .watchdog, next: .policy, text: text, now)
    }

    /// What a worker did not do in time.
    private static func silence(of spec: WorkerSpec, isReady: Bool) -> String {
        if isReady {
            return "no heartbeat for \((PolicyTiming.heartbeatSuspicion + PolicyTiming.heartbeatGrace).inWords)"
        }
        let words = "not ready within \(spec.startDeadline.inWords)"
        return spec.readySign.map { "\(words): \($0)" } ?? words
    }

    private mutating func drainIsOver(
        _ record: WorkerRecord,
        _ life: WorkerRecord.Life,
        _ ending: WorkerRecord.Ending,
        _ now: Instant
    ) {
        var ending = ending
        if shutdown == nil, now - ending.killAt > PolicyTiming.latenessTolerance {
            // A machine that slept, or a supervisor that was stopped: the worker had no time to finish either.
            ending.killAt = now + PolicyTiming.heartbeatGrace
            update(record.spec.id) { $0.phase = .draining(life, ending) }
            return
        }
        ending.isKilled = true
        update(record.spec.id) { $0.phase = .draining(life, ending) }
        effects.append(.kill(record.spec.id, record.incarnation))
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
}
