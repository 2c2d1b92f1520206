internal import IPCControl

extension SupervisorTree {
    /// The living incarnation is dead: explain it, then decide what comes next.
    mutating func exited(_ id: WorkerID, _ evidence: CauseOfDeath, _ now: Instant) {
        guard let record = records[id], let life = record.life else { return }
        var ending: WorkerRecord.Ending?
        if case .draining(_, let how) = record.phase { ending = how }
        let death = Self.explain(evidence, ending, isForeign: record.spec.isForeign)
        update(id) { record in
            record.lastDeath = death
            record.usedKB = 0
            record.phase = .stopped
        }
        effects.append(.died(id, record.incarnation, death))
        let isUnasked = ending == nil || ending?.next == .policy
        update(id) { record in
            let wasReady = life.readyAt != nil || !isUnasked
            record.history.died(wasReady: wasReady, isOwnDoing: death.isOwnDoing, now: now)
        }
        settle(id, life, death, ending, now)
    }

    /// What the supervisor knows better than the exit status: whom it killed itself, and why. Evidence of the worker's
    /// own doing outweighs that it was being stopped anyway.
    private static func explain(_ evidence: CauseOfDeath, _ ending: WorkerRecord.Ending?, isForeign: Bool)
        -> CauseOfDeath
    {
        guard let ending, !evidence.isOwnDoing, evidence.cause != .spawn else { return evidence }
        switch ending.reason {
        case .watchdog: return CauseOfDeath(cause: .watchdog, isOwnDoing: true, text: ending.text)
        case .fatal: return CauseOfDeath(cause: .fatal, isOwnDoing: false, text: ending.text)
        case .asked, .left:
            if ending.isKilled {
                return CauseOfDeath(cause: .stopped, isOwnDoing: false, text: "killed: did not finish in time")
            }
            // A foreign program is asked by SIGTERM and may answer with any status.
            guard evidence.isCleanExit || isForeign else { return evidence }
            return CauseOfDeath(cause: .stopped, isOwnDoing: false, text: "as asked")
        }
    }

    private mutating func settle(
        _ id: WorkerID,
        _ life: WorkerRecord.Life,
        _ death: CauseOfDeath,
        _ ending: WorkerRecord.Ending?,
        _ now: Instant
    ) {
        guard let record = records[id] else { return }
        if record.isRemoved {
            remove(id)
            return
        }
        guard shutdown == nil else {
            move(id, to: .stopped, now)
            if ending == nil || death.isOwnDoing { say(id, "\(id) died: \(death.text)") }
            return
        }
        switch ending?.next {
        case .stop:
            move(id, to: .stopped, now)
            if death.isOwnDoing { say(id, "\(id) died while it was stopped: \(death.text)") }
        case .start where !death.isOwnDoing: spawn(id, now)
        case .park:
            move(id, to: .parked, now)
            say(id, "\(id) is parked: \(record.text). Correct its configuration, or: clawhold start \(id)")
        case nil where death.isCleanExit && record.spec.start == .demand: move(id, to: .stopped, now)
        case .policy, nil: restartPolicy(id, life, death, now)
        case .start: comeBack(id, life, death, now)
        }
    }

    /// Comes back, unless the worker is one that does not.
    private mutating func restartPolicy(
        _ id: WorkerID,
        _ life: WorkerRecord.Life,
        _ death: CauseOfDeath,
        _ now: Instant
    ) {
        let mode = records[id]?.spec.restart ?? .always
        switch mode {
        case .onFailure where death.isCleanExit, .never where death.isCleanExit:
            move(id, to: .stopped, now)
            say(id, "\(id) has ended: \(death.text); not started again (restart: \(mode.rawValue))")
        case .never where death.cause != .spawn:
            move(id, to: .parked, now)
            say(id, "\(id) died: \(death.text); parked (restart: never). Once more: clawhold start \(id)")
        case .always, .onFailure, .never: comeBack(id, life, death, now)
        }
    }

    /// The restart policy: credit, back-off, quarantine.
    private mutating func comeBack(_ id: WorkerID, _ life: WorkerRecord.Life, _ death: CauseOfDeath, _ now: Instant) {
        guard var record = records[id] else { return }
        record.restarts += 1
        if id.kind != .gateway, let reason = record.history.quarantineReason(now: now) {
            records[id] = record
            move(id, to: .quarantined(probeAt: now + PolicyTiming.probeInterval), now)
            let probe = PolicyTiming.probeInterval.inWords
            say(id, "\(id) died: \(death.text); quarantined (\(reason)), next try in \(probe)")
            return
        }
        let healthy = life.readyAt.map { now - $0 } ?? .zero
        var delay = record.backoff.delay(
            wasReady: life.readyAt != nil,
            healthy: healthy,
            now: now,
            using: &random
        )
        if id.kind != .gateway { delay = max(delay, restartBudget.take(now: now)) }
        records[id] = record
        let when = delay == .zero ? "at once" : "in \(delay.inWords)"
        say(id, "\(id) died: \(death.text); restart \(record.restarts) \(when)")
        if delay == .zero {
            spawn(id, now)
        } else {
            move(id, to: .backoff(until: now + delay), now)
        }
    }

    /// Takes a worker without a process out of the table.
    mutating func remove(_ id: WorkerID) {
        guard let record = records.removeValue(forKey: id) else { return }
        incarnationFloor = max(incarnationFloor, record.incarnation)
        effects.append(.gone(id))
    }
}
