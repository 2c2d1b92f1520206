internal import IPCControl

extension SupervisorTree {
    mutating func start(_ id: WorkerID, by commander: Commander, _ now: Instant) {
        guard shutdown == nil, let record = records[id] else { return }
        switch commander {
        case .person:
            update(id) { $0.isHeld = false }
        case .gateway:
            guard !record.isHeld else { return }
        }
        switch record.phase {
        case .starting, .ready: break
        case .stopped: spawn(id, now)
        case .draining(let life, var ending):
            guard ending.next == .stop, !record.isRemoved else { return }
            ending.next = .start
            update(id) { $0.phase = .draining(life, ending) }
        case .backoff, .quarantined, .parked:
            guard commander == .person else { return }
            update(id) { $0.forgetFailures(now: now) }
            spawn(id, now)
        }
    }

    mutating func stop(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, records[id] != nil else { return }
        update(id) { $0.isHeld = true }
        if records[id]?.life != nil { say(id, "\(id) is being stopped") }
        switch records[id]?.phase {
        case .starting, .ready, .draining: drain(id, reason: .stop, by: PolicyTiming.stopBy, next: .stop, now)
        case .backoff, .quarantined, .parked: move(id, to: .stopped, now)
        case .stopped, nil: break
        }
    }

    mutating func restart(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, let record = records[id] else { return }
        update(id) { record in
            record.isHeld = false
            record.forgetFailures(now: now)
        }
        if record.life == nil {
            spawn(id, now)
        } else {
            say(id, "\(id) is being restarted")
            drain(id, reason: .restart, by: PolicyTiming.stopBy, next: .start, now)
        }
    }

    mutating func reset(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, let record = records[id] else { return }
        update(id) { $0.forgetFailures(now: now) }
        switch record.phase {
        case .backoff, .quarantined, .parked: spawn(id, now)
        case .starting, .ready, .draining, .stopped: break
        }
    }

    /// Asks a living worker to finish. One that is already on its way keeps its earlier deadline; what comes after it
    /// is decided by who asked last.
    mutating func drain(
        _ id: WorkerID,
        reason: DrainReason,
        by duration: Duration,
        next: WorkerRecord.Ending.Next,
        _ now: Instant
    ) {
        guard let record = records[id] else { return }
        switch record.phase {
        case .starting(let life), .ready(let life):
            let killAt = now + duration + PolicyTiming.killGrace
            move(id, to: .draining(life, .init(reason: .asked, next: next, killAt: killAt)), now)
            effects.append(.drain(id, record.incarnation, by: duration, reason: reason))
        case .draining(let life, var ending):
            ending.next = next
            update(id) { $0.phase = .draining(life, ending) }
        case .stopped, .backoff, .quarantined, .parked: break
        }
    }
}
