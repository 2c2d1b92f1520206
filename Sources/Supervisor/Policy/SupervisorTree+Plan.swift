internal import IPCControl

extension SupervisorTree {
    /// Makes the table what the plan says. A worker is restarted or un-parked exactly when its revision changes; a budget
    /// that changed moves the limits of the living.
    mutating func reconcile(_ specs: [WorkerSpec], _ now: Instant) {
        guard shutdown == nil else { return }
        isDivisionStale = true
        let planned = Set(specs.map(\.id))
        for id in records.ids where !planned.contains(id) { withdraw(id, now) }
        var wanted: [WorkerID] = []
        for spec in specs {
            if records[spec.id] == nil {
                records.insert(WorkerRecord(spec: spec, after: incarnationFloor, now: now))
                effects.append(.changed(spec.id))
                if spec.start == .permanent { wanted.append(spec.id) }
            } else if adopt(spec, now) {
                wanted.append(spec.id)
            }
        }
        launch(wanted, now)
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

    /// A worker that the table has already; true when it is to be started.
    private mutating func adopt(_ spec: WorkerSpec, _ now: Instant) -> Bool {
        guard let old = records[spec.id] else { return false }
        let isChanged = old.spec.revision != spec.revision || old.isRemoved
        update(spec.id) { record in
            record.spec = spec
            record.isRemoved = false
        }
        guard isChanged else { return adoptBudget(spec, old, now) }
        forgetFailures(spec.id, now)
        if old.isRemoved { update(spec.id) { $0.isHeld = false } }
        switch old.phase {
        case .starting, .ready:
            say(spec.id, "\(spec.id) has a new configuration: restarting it")
            drain(spec.id, reason: .restart, by: PolicyTiming.stopBy, next: .start, now)
            return false
        case .draining:
            let next: WorkerRecord.Ending.Next = comesBack(spec, old) ? .start : .stop
            drain(spec.id, reason: .restart, by: PolicyTiming.stopBy, next: next, now)
            return false
        case .backoff, .quarantined, .waiting, .parkedForMemory: return true
        case .parked:
            if spec.start == .permanent { return true }
            move(spec.id, to: .stopped, now)
            return false
        case .stopped: return spec.start == .permanent && !old.isHeld
        }
    }

    /// A budget is what a worker may have died of: a new one is a new chance.
    private mutating func adoptBudget(_ spec: WorkerSpec, _ old: WorkerRecord, _ now: Instant) -> Bool {
        guard old.spec.memory != spec.memory else { return false }
        switch old.phase {
        case .backoff, .quarantined:
            forgetFailures(spec.id, now)
            return true
        case .starting, .ready, .draining, .stopped, .parked, .parkedForMemory, .waiting: return false
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
