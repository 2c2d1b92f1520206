internal import IPCControl

extension SupervisorTree {
    /// The living incarnation is dead: explain it, then decide what comes next.
    mutating func exited(_ id: WorkerID, _ evidence: CauseOfDeath, _ now: Instant) {
        guard let record = records[id], let life = record.life else { return }
        var ending: WorkerRecord.Ending?
        if case .draining(_, let how) = record.phase { ending = how }
        let death = Self.explain(evidence, ending, isForeign: record.spec.isForeign)
        let isUnasked = ending == nil || ending?.next == .policy
        let healthy = life.readyAt.map { now - $0 } ?? .zero
        update(id) { record in
            record.lastDeath = death
            record.diedAt = now
            if ending?.next != .park { record.text = "" }
            record.usedKB = 0
            record.phase = .stopped
            if record.isProbing, healthy >= PolicyTiming.probeHealth {
                record.isProbing = false
                record.history = FailureHistory()
            }
            record.history.died(wasReady: life.readyAt != nil || !isUnasked, isOwnDoing: death.isOwnDoing, now: now)
        }
        isDivisionStale = true
        effects.append(.died(id, record.incarnation, death))
        poisoned(record, life, death, now)
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
            if ending?.reason == .left { rest(id, life, now) }
            move(id, to: .stopped, now)
            if death.isOwnDoing { say(id, "\(id) died while it was stopped: \(death.text)") }
        case .start where ending?.reason == .left && !death.isOwnDoing: returnAfterLeaving(id, life, now)
        case .start where !death.isOwnDoing: launch([id], now)
        case .park:
            move(id, to: .parked, now)
            say(id, "\(id) is parked: \(record.text). Correct its configuration, or: clawhold start \(id)")
        case nil where death.isCleanExit && record.spec.start == .demand && life.readyAt != nil:
            rest(id, life, now)
            move(id, to: .stopped, now)
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

    /// A worker that leaves as soon as it has come must not be started as fast as the gateway can ask.
    private mutating func rest(_ id: WorkerID, _ life: WorkerRecord.Life, _ now: Instant) {
        let delay = delayAfterLeaving(id, life, now)
        update(id) { record in
            record.isProbing = false
            record.restUntil = delay > .zero ? now + delay : nil
        }
    }

    /// A permanent worker left, because it is of another build or thinks that it is not needed.
    private mutating func returnAfterLeaving(_ id: WorkerID, _ life: WorkerRecord.Life, _ now: Instant) {
        restart(id, after: delayAfterLeaving(id, life, now), now)
    }

    private mutating func delayAfterLeaving(_ id: WorkerID, _ life: WorkerRecord.Life, _ now: Instant) -> Duration {
        guard now - life.startedAt < PolicyTiming.shortLife, var backoff = records[id]?.backoff else { return .zero }
        let delay = backoff.delay(wasReady: true, healthy: .zero, now: now, using: &random)
        update(id) { $0.backoff = backoff }
        return delay
    }

    /// The restart policy: credit, back-off, quarantine.
    private mutating func comeBack(_ id: WorkerID, _ life: WorkerRecord.Life, _ death: CauseOfDeath, _ now: Instant) {
        guard var record = records[id] else { return }
        record.restarts += 1
        var reason = record.history.quarantineReason(now: now)
        if record.isProbing { reason = reason ?? "the attempt to leave quarantine failed" }
        record.isProbing = false
        if id.kind != .gateway, let reason {
            records.insert(record)
            move(id, to: .quarantined(probeAt: now + PolicyTiming.probeInterval), now)
            let probe = PolicyTiming.probeInterval.inWords
            say(id, "\(id) died: \(death.text); quarantined (\(reason)), next try in \(probe)")
            return
        }
        let delay = record.backoff.delay(
            wasReady: life.readyAt != nil,
            healthy: life.readyAt.map { now - $0 } ?? .zero,
            now: now,
            using: &random
        )
        records.insert(record)
        let place = effects.count
        let wait = restart(id, after: delay, now)
        let when = wait == .zero ? "at once" : "in \(wait.inWords)"
        effects.insert(.say(id, "\(id) died: \(death.text); restart \(record.restarts) \(when)"), at: place)
    }

    /// Starts a worker after a delay, or when the tree's budget allows; returns how long that is.
    @discardableResult
    private mutating func restart(_ id: WorkerID, after delay: Duration, _ now: Instant) -> Duration {
        var startAt = now + delay
        if delay == .zero {
            guard id.kind != .gateway, let next = restartBudget.take(now: now) else {
                launch([id], isRestart: true, now)
                return .zero
            }
            startAt = next
        }
        move(id, to: .backoff(until: startAt), now)
        return startAt - now
    }

    /// Takes a worker without a process out of the table.
    mutating func remove(_ id: WorkerID) {
        guard let record = records.remove(id) else { return }
        incarnationFloor = max(incarnationFloor, record.incarnation)
        isDivisionStale = true
        effects.append(.gone(id))
    }
}
