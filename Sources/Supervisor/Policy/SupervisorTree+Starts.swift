internal import IPCControl

extension SupervisorTree {
    /// Starts workers that have no process and are meant to live: by priority as far as memory goes, then in the order of
    /// the table, each when those that it needs are ready.
    ///
    /// - Parameters:
    ///   - isRetry: those that do not fit were parked before and nothing is said again.
    ///   - isRestart: nobody asked; a token of the tree's budget was taken for a start now, not for one later.
    mutating func launch(_ ids: [WorkerID], isRetry: Bool = false, isRestart: Bool = false, _ now: Instant) {
        guard shutdown == nil else { return }
        var admitted: [WorkerID] = []
        for id in ids.count > 1 ? byPriority(ids) : ids {
            guard let record = records[id], record.life == nil, !record.isRemoved else { continue }
            if let shortage = shortage(of: record), !record.isEssential {
                if !isRetry { park(id, shortage, now) }
                continue
            }
            // Counted from here on, so that the next one sees what is left.
            let patience = record.spec.after.reduce(Duration.zero) { max($0, records[$1]?.spec.startDeadline ?? .zero) }
            update(id) { $0.phase = .waiting(until: now + patience) }
            admitted.append(id)
        }
        guard !admitted.isEmpty else { return }
        divideMemory()
        if admitted.count > 1 { admitted = records.ids.filter(admitted.contains) }
        for id in admitted {
            if let text = waitsFor(id, now) {
                update(id) { record in
                    record.text = text
                    record.since = now
                    record.isRestart = isRestart
                }
                isSomebodyWaiting = true
                effects.append(.changed(id))
            } else {
                begin(id, now)
            }
        }
    }

    /// Starts the next incarnation.
    mutating func begin(_ id: WorkerID, _ now: Instant) {
        guard let record = records[id], record.life == nil else { return }
        let (incarnation, overflow) = record.incarnation.addingReportingOverflow(1)
        guard !overflow else { return }
        let safeReason = id.kind == .gateway ? safeMode.reason : nil
        let patience = record.spec.startDeadline - PolicyTiming.heartbeatGrace
        update(id) { record in
            record.incarnation = incarnation
            record.text = ""
            record.safeReason = safeReason
            record.usedKB = 0
            record.peakKB = 0
            record.pressure.begin()
            record.restUntil = nil
            record.enter(.starting(.init(startedAt: now, liveness: Liveness(now: now, patience: patience))), now: now)
        }
        effects.append(.spawn(id, incarnation))
        effects.append(.changed(id))
    }

    /// Looks again at those that wait for another worker: it may be ready, or not come at all.
    mutating func stopWaiting(_ now: Instant) {
        for record in records.values {
            guard case .waiting = record.phase else { continue }
            let id = record.spec.id
            if waitsFor(id, now) == nil { beginAfterWaiting(id, now) }
        }
    }

    /// Starts a worker whose wait is over; an unasked start takes its token now.
    mutating func beginAfterWaiting(_ id: WorkerID, _ now: Instant) {
        if records[id]?.isRestart == true, id.kind != .gateway, let next = restartBudget.take(now: now) {
            move(id, to: .backoff(until: next), now)
        } else {
            begin(id, now)
        }
    }

    /// Whom a worker waits for, in words; nil when it may start. A worker that nobody can expect is not waited for.
    private mutating func waitsFor(_ id: WorkerID, _ now: Instant) -> String? {
        guard let record = records[id] else { return nil }
        var missing: [String] = []
        for needed in record.spec.after where needed != id {
            guard let other = records[needed], !other.isRemoved else {
                missing.append("\(needed) is not in the plan")
                continue
            }
            switch other.phase {
            case .ready: continue
            case .starting, .backoff, .waiting: return "waits for \(needed)"
            case .draining(_, let ending) where ending.next == .start || ending.next == .policy:
                return "waits for \(needed)"
            case .draining, .stopped, .quarantined, .parked, .parkedForMemory:
                missing.append("\(needed) is \(other.publicPhase.rawValue)")
            }
        }
        if !missing.isEmpty {
            say(id, "\(id) is started although it needs another: \(missing.joined(separator: ", "))")
        }
        return nil
    }

    /// The gateway, the agents, then by weight; by name where that leaves it open.
    private func byPriority(_ ids: [WorkerID]) -> [WorkerID] {
        records.values.filter { ids.contains($0.spec.id) }
            .sorted { left, right in
                let (leads, follows) = (left.isEssential, right.isEssential)
                if leads != follows { return leads }
                return left.spec.memory.weight > right.spec.memory.weight
            }
            .map(\.spec.id)
    }
}
