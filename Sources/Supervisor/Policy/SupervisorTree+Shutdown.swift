internal import IPCControl

extension SupervisorTree {
    mutating func terminate(_ now: Instant) {
        guard shutdown == nil else {
            killEverything(now)
            return
        }
        shutdown = TreeDrain(startedAt: now)
        say(nil, "stopping: \(living().count) workers have \(PolicyTiming.killAllAt.inWords) to finish")
        for record in records.values {
            switch record.phase {
            case .backoff, .quarantined, .waiting: move(record.spec.id, to: .stopped, now)
            case .stopped, .starting, .ready, .draining, .parked, .parkedForMemory: break
            }
        }
        finish(living().filter { $0.kind == .gateway }, by: PolicyTiming.gatewayUntil, now)
        finish(living().filter { $0.kind == .agent || $0.kind == .tool }, by: PolicyTiming.turnsUntil, now)
    }

    /// Goes through the schedule as far as time and the tree allow.
    mutating func advanceShutdown(_ now: Instant) {
        guard let drain = shutdown, !drain.isFinished else { return }
        let living = living()
        guard !living.isEmpty else {
            shutdown?.isFinished = true
            effects.append(.finished(isComplete: true))
            return
        }
        let workers = living.filter { $0.kind != .gateway }
        if drain.stage == .turns,
            now >= drain.startedAt + PolicyTiming.turnsUntil
                || !workers.contains(where: { $0.kind == .agent || $0.kind == .tool })
        {
            shutdown?.stage = .sends
        }
        if shutdown?.stage == .sends {
            // Whom a living worker needs goes after it, but in time to finish.
            let isLast = now >= drain.startedAt + PolicyTiming.neededUntil
            shutdown?.isLastCall = isLast
            let rest = drain.remaining(until: PolicyTiming.sendsUntil, now: now)
            finish(workers.filter { isLast || !isNeeded($0) }, by: rest, now)
            if workers.isEmpty || now >= drain.startedAt + PolicyTiming.sendsUntil { shutdown?.stage = .closing }
        }
        if shutdown?.stage == .closing, now >= drain.startedAt + PolicyTiming.killAllAt { killEverything(now) }
        if shutdown?.stage == .killed, now >= drain.startedAt + PolicyTiming.abandonAt {
            shutdown?.isFinished = true
            say(nil, "not waited for: \(living.map(\.rawValue).joined(separator: ", "))")
            effects.append(.finished(isComplete: false))
        }
    }

    private func living() -> [WorkerID] {
        var ids: [WorkerID] = []
        for record in records.values where record.life != nil { ids.append(record.spec.id) }
        return ids
    }

    /// Whether a living worker was started after this one because it needs it.
    private func isNeeded(_ id: WorkerID) -> Bool {
        records.values.contains { $0.life != nil && $0.spec.id != id && $0.spec.after.contains(id) }
    }

    /// Asks living workers to finish, each once; whoever was already draining gets the tree's deadline if that comes
    /// first.
    private mutating func finish(_ ids: [WorkerID], by duration: Duration, _ now: Instant) {
        guard let drain = shutdown else { return }
        let killAt = drain.startedAt + PolicyTiming.killAllAt
        for id in ids where !drain.told.contains(id) {
            guard let record = records[id] else { continue }
            switch record.phase {
            case .starting(let life), .ready(let life):
                move(id, to: .draining(life, .init(reason: .asked, next: .stop, killAt: killAt)), now)
            case .draining(let life, var ending):
                ending.killAt = min(ending.killAt, killAt)
                update(id) { $0.phase = .draining(life, ending) }
            case .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting: continue
            }
            shutdown?.told.append(id)
            effects.append(.drain(id, record.incarnation, by: duration, reason: .shutdown))
        }
    }

    private mutating func killEverything(_ now: Instant) {
        guard let drain = shutdown, drain.stage != .killed else { return }
        // The gateway last here too.
        let all = living()
        let living = all.filter { $0.kind != .gateway } + all.filter { $0.kind == .gateway }
        if drain.stage == .closing, now >= drain.startedAt + PolicyTiming.killAllAt {
            say(nil, "out of time: killing \(living.map(\.rawValue).joined(separator: ", "))")
        } else {
            say(nil, "asked twice: killing everything")
        }
        shutdown?.stage = .killed
        for id in living {
            guard let record = records[id], let life = record.life else { continue }
            var ending = WorkerRecord.Ending(reason: .asked, next: .stop, killAt: now)
            if case .draining(_, let how) = record.phase { ending = how }
            guard !ending.isKilled else { continue }
            ending.isKilled = true
            update(id) { $0.phase = .draining(life, ending) }
            effects.append(.kill(id, record.incarnation))
        }
    }
}
