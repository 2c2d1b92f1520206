internal import IPCControl

extension SupervisorTree {
    /// What one process did. An event of another incarnation than the living one is nobody's any more.
    mutating func processEvent(_ event: SupervisorEvent, _ now: Instant) {
        switch event {
        case .spawned(let id, let incarnation, let pid):
            guard let life = life(id, incarnation) else { return }
            spawned(id, life, pid, now)
        case .spawnFailed(let id, let incarnation, let text):
            guard life(id, incarnation) != nil else { return }
            exited(id, CauseOfDeath(cause: .spawn, isOwnDoing: false, text: "could not be started: \(text)"), now)
        case .ready(let id, let incarnation):
            guard life(id, incarnation) != nil else { return }
            ready(id, now)
        case .heartbeat(let id, let incarnation):
            guard life(id, incarnation) != nil else { return }
            heard(id, now)
        case .memory(let id, let incarnation, let usedKB, let peakKB):
            guard life(id, incarnation) != nil else { return }
            memory(id, usedKB, peakKB, now)
        case .limited(let id, let incarnation, let hardKB):
            guard life(id, incarnation) != nil else { return }
            limited(id, hardKB: hardKB)
        case .status(let id, let incarnation, let text):
            guard life(id, incarnation) != nil else { return }
            update(id) { $0.text = text }
            effects.append(.changed(id))
        case .fatal(let id, let incarnation, let reason):
            guard let life = life(id, incarnation) else { return }
            fatal(id, life, reason, now)
        case .leave(let id, let incarnation):
            guard let life = life(id, incarnation) else { return }
            leave(id, life, now)
        case .lifelineBroken(let id, let incarnation, let text):
            guard let life = life(id, incarnation) else { return }
            lifelineBroken(id, life, text, now)
        case .exited(let id, let incarnation, let death):
            guard life(id, incarnation) != nil else { return }
            exited(id, death, now)
        case .total, .planned, .start, .stop, .renew, .restart, .reset, .terminate, .tick: break
        }
    }

    private func life(_ id: WorkerID, _ incarnation: UInt64) -> WorkerRecord.Life? {
        guard let record = records[id], record.incarnation == incarnation else { return nil }
        return record.life
    }

    private mutating func spawned(_ id: WorkerID, _ life: WorkerRecord.Life, _ pid: Int32, _ now: Instant) {
        update(id) { record in
            switch record.phase {
            case .starting(var life):
                life.pid = pid
                record.phase = .starting(life)
            case .draining(var life, let ending):
                life.pid = pid
                record.phase = .draining(life, ending)
            case .ready, .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting: break
            }
        }
        effects.append(.changed(id))
        if let spec = records[id]?.spec, spec.isForeign, spec.readySign == nil { ready(id, now) }
    }

    private mutating func ready(_ id: WorkerID, _ now: Instant) {
        guard let record = records[id], case .starting(var life) = record.phase else { return }
        life.readyAt = now
        life.liveness.heard(now: now)
        update(id) { $0.history.becameReady() }
        move(id, to: .ready(life), now)
        let took = (now - life.startedAt).wholeMilliseconds
        say(id, "\(id) is ready (incarnation \(record.incarnation), PID \(life.pid), \(took) ms)")
    }

    private mutating func heard(_ id: WorkerID, _ now: Instant) {
        update(id) { record in
            // A heartbeat before READY proves a running loop, not a finished start: the start deadline stands.
            guard case .ready(var life) = record.phase else { return }
            life.liveness.heard(now: now)
            record.phase = .ready(life)
        }
    }

    private mutating func memory(_ id: WorkerID, _ usedKB: Int64, _ peakKB: Int64, _ now: Instant) {
        update(id) { record in
            record.usedKB = usedKB
            record.peakKB = max(record.peakKB, peakKB, usedKB)
        }
        effects.append(.changed(id))
        guard let record = records[id] else { return }
        // It may use less by now than when its limit could not be lowered.
        if record.isLimitOwed { isDivisionStale = true }
        guard case .ready(let life) = record.phase, record.grant.softKB > 0, let readyAt = life.readyAt else { return }
        let verdict = update(id) { record in
            record.pressure.measured(isAbove: usedKB > record.grant.softKB, readyFor: now - readyAt, now: now)
        }
        let words = "\(id) uses \(usedKB / 1024) MB, above its soft limit of \(record.grant.softKB / 1024) MB"
        switch verdict {
        case .nothing, nil: break
        case .shed:
            say(id, "\(words): asked to give back what it can")
            effects.append(.shed(id, record.incarnation))
        case .leave(let until):
            say(id, "\(words), and was replaced for that not long ago: left alone for \((until - now).inWords)")
        case .replace:
            say(id, "\(words), after giving back what it could: drained and replaced")
            drain(id, reason: .soft, by: PolicyTiming.softBy, next: .start, now)
        }
    }

    private mutating func fatal(_ id: WorkerID, _ life: WorkerRecord.Life, _ reason: String, _ now: Instant) {
        update(id) { $0.text = reason }
        let by = now + PolicyTiming.leaveBy
        switch records[id]?.phase {
        case .draining(let life, var ending):
            guard ending.reason == .asked, ending.next == .start else { return }
            // It was to be replaced by the same configuration, which cannot work.
            ending.reason = .fatal
            ending.next = id.kind == .gateway ? .policy : .park
            update(id) { $0.phase = .draining(life, ending) }
        case .starting, .ready:
            let next: WorkerRecord.Ending.Next = id.kind == .gateway ? .policy : .park
            move(id, to: .draining(life, .init(reason: .fatal, next: next, killAt: by, text: reason)), now)
        case .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting, nil: break
        }
    }

    private mutating func leave(_ id: WorkerID, _ life: WorkerRecord.Life, _ now: Instant) {
        guard let record = records[id] else { return }
        switch record.phase {
        case .starting, .ready:
            // A permanent worker that leaves (another build) comes back at once.
            let next: WorkerRecord.Ending.Next = record.spec.start == .demand ? .stop : .start
            move(
                id,
                to: .draining(life, .init(reason: .left, next: next, killAt: now + PolicyTiming.leaveBy)),
                now
            )
        case .draining, .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting: break
        }
    }

    private mutating func lifelineBroken(
        _ id: WorkerID,
        _ life: WorkerRecord.Life,
        _ text: String,
        _ now: Instant
    ) {
        switch records[id]?.phase {
        case .starting, .ready: killNow(id, life, .watchdog, next: .policy, text: text, now)
        case .draining, .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting, nil: break
        }
    }
}
