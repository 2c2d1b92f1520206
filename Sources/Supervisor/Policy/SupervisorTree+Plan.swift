internal import IPCControl

extension SupervisorTree {
    /// Makes the table what the plan says. A worker is restarted or un-parked exactly when its revision changes.
    mutating func reconcile(_ specs: [WorkerSpec], _ now: Instant) {
        guard shutdown == nil else { return }
        let planned = Set(specs.map(\.id))
        for id in records.keys.sorted(by: { $0.rawValue < $1.rawValue }) where !planned.contains(id) {
            withdraw(id, now)
        }
        for spec in specs {
            if records[spec.id] == nil {
                records[spec.id] = WorkerRecord(spec: spec, after: incarnationFloor, now: now)
                effects.append(.changed(spec.id))
                if spec.start == .permanent { spawn(spec.id, now) }
            } else {
                adopt(spec, now)
            }
        }
    }

    private mutating func withdraw(_ id: WorkerID, _ now: Instant) {
        guard let record = records[id], !record.isRemoved else { return }
        say(id, "\(id) is no longer in the configuration")
        guard record.life != nil else {
            remove(id)
            return
        }
        update(id) { $0.isRemoved = true }
        drain(id, reason: .stop, by: PolicyTiming.stopBy, next: .stop, now)
    }

    /// A worker that the table has already.
    private mutating func adopt(_ spec: WorkerSpec, _ now: Instant) {
        guard let old = records[spec.id] else { return }
        let isChanged = old.spec.revision != spec.revision
        update(spec.id) { record in
            record.spec = spec
            record.isRemoved = false
            if isChanged || old.isRemoved { record.forgetFailures(now: now) }
        }
        guard isChanged || old.isRemoved else { return }
        if old.isRemoved { update(spec.id) { $0.isHeld = false } }
        switch old.phase {
        case .starting, .ready:
            say(spec.id, "\(spec.id) has a new configuration: restarting it")
            drain(spec.id, reason: .restart, by: PolicyTiming.stopBy, next: .start, now)
        case .draining:
            let next: WorkerRecord.Ending.Next = comesBack(spec, old) ? .start : .stop
            drain(spec.id, reason: .restart, by: PolicyTiming.stopBy, next: next, now)
        case .backoff, .quarantined: spawn(spec.id, now)
        case .parked:
            if spec.start == .permanent { spawn(spec.id, now) } else { move(spec.id, to: .stopped, now) }
        case .stopped:
            if spec.start == .permanent, !old.isHeld { spawn(spec.id, now) }
        }
    }

    /// Whether a worker that is on its way out returns under its new specification.
    private func comesBack(_ spec: WorkerSpec, _ old: WorkerRecord) -> Bool {
        if spec.start == .permanent { return old.isRemoved || !old.isHeld }
        guard case .draining(_, let ending) = old.phase else { return false }
        switch ending.next {
        case .start, .policy: return true
        case .stop, .park: return false
        }
    }
}
