internal import IPCControl

extension SupervisorTree {
    mutating func terminate(_ now: Instant) {
        guard shutdown == nil else {
            killEverything(now)
            return
        }
        shutdown = TreeDrain(startedAt: now)
        say(nil, "stopping: \(living().count) workers have \(PolicyTiming.killAllAt.inWords) to finish")
        for (id, record) in records where record.life == nil {
            switch record.phase {
            case .backoff, .quarantined: move(id, to: .stopped, now)
            case .stopped, .starting, .ready, .draining, .parked: break
            }
        }
        finish([.gateway], by: PolicyTiming.gatewayUntil, now)
        finish([.agent, .tool], by: PolicyTiming.turnsUntil, now)
    }

    /// Goes through the schedule as far as time and the tree allow.
    mutating func advanceShutdown(_ now: Instant) {
        guard var drain = shutdown, !drain.isFinished else { return }
        let living = living()
        let workers = living.filter { $0.kind != .gateway }
        if living.isEmpty {
            drain.isFinished = true
            shutdown = drain
            effects.append(.finished(isComplete: true))
            return
        }
        if drain.stage == .turns,
            now >= drain.startedAt + PolicyTiming.turnsUntil
                || !workers.contains(where: { $0.kind == .agent || $0.kind == .tool })
        {
            drain.stage = .sends
            shutdown = drain
            let rest = drain.remaining(until: PolicyTiming.sendsUntil, now: now)
            finish([.channel, .model, .tunnel, .sidecar], by: rest, now)
        }
        if drain.stage == .sends, workers.isEmpty || now >= drain.startedAt + PolicyTiming.sendsUntil {
            drain.stage = .closing
            shutdown = drain
        }
        if drain.stage == .closing, now >= drain.startedAt + PolicyTiming.killAllAt { killEverything(now) }
        if drain.stage == .killed, now >= drain.startedAt + PolicyTiming.abandonAt {
            drain.isFinished = true
            shutdown = drain
            say(nil, "not waited for: \(living.map(\.rawValue).sorted().joined(separator: ", "))")
            effects.append(.finished(isComplete: false))
        }
    }

    private func living() -> [WorkerID] {
        records.values.lazy.filter { $0.life != nil }.map(\.spec.id)
    }

    /// Asks the living workers of some kinds to finish; whoever was already draining gets the tree's deadline if that
    /// comes first.
    private mutating func finish(_ kinds: Set<WorkerKind>, by duration: Duration, _ now: Instant) {
        guard let shutdown else { return }
        let killAt = shutdown.startedAt + PolicyTiming.killAllAt
        for id in living().sorted(by: { $0.rawValue < $1.rawValue }) where kinds.contains(id.kind) {
            guard let record = records[id] else { continue }
            switch record.phase {
            case .starting(let life), .ready(let life):
                move(id, to: .draining(life, .init(reason: .asked, next: .stop, killAt: killAt)), now)
            case .draining(let life, var ending):
                ending.killAt = min(ending.killAt, killAt)
                update(id) { $0.phase = .draining(life, ending) }
            case .stopped, .backoff, .quarantined, .parked: continue
            }
            effects.append(.drain(id, record.incarnation, by: duration, reason: .shutdown))
        }
    }

    private mutating func killEverything(_ now: Instant) {
        guard var drain = shutdown, drain.stage != .killed else { return }
        let living = living().sorted { $0.rawValue < $1.rawValue }
        if drain.stage == .closing, now >= drain.startedAt + PolicyTiming.killAllAt {
            say(nil, "out of time: killing \(living.map(\.rawValue).joined(separator: ", "))")
        } else {
            say(nil, "asked twice: killing everything")
        }
        drain.stage = .killed
        shutdown = drain
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
