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
        case .starting, .ready, .waiting: break
        case .stopped:
            if commander == .gateway, let restUntil = record.restUntil, restUntil > now {
                isDivisionStale = true
                move(id, to: .backoff(until: restUntil), now)
            } else {
                launch([id], now)
            }
        case .parkedForMemory: launch([id], isRetry: commander == .gateway, now)
        case .draining(let life, var ending):
            guard ending.next == .stop, !record.isRemoved else { return }
            ending.next = .start
            update(id) { $0.phase = .draining(life, ending) }
        case .backoff, .quarantined, .parked:
            guard commander == .person else { return }
            forgetFailures(id, now)
            launch([id], now)
        }
    }

    mutating func stop(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, records[id] != nil else { return }
        update(id) { $0.isHeld = true }
        if records[id]?.life != nil { say(id, "\(id) is being stopped") }
        switch records[id]?.phase {
        case .starting, .ready, .draining: drain(id, reason: .stop, by: PolicyTiming.stopBy, next: .stop, now)
        case .backoff, .quarantined, .parked, .parkedForMemory, .waiting:
            update(id) { $0.text = "" }
            isDivisionStale = true
            move(id, to: .stopped, now)
        case .stopped, nil: break
        }
    }

    mutating func renew(_ spec: WorkerSpec, _ by: Duration, _ now: Instant) {
        guard shutdown == nil, records[spec.id] != nil else { return }
        update(spec.id) { $0.spec = spec }
        forgetFailures(spec.id, now)
        switch records[spec.id]?.phase {
        case .starting, .ready: drain(spec.id, reason: .restart, by: by, next: .start, now)
        case .backoff, .quarantined: launch([spec.id], now)
        // Who ends it already has decided what comes then.
        case .draining, .stopped, .waiting, .parked, .parkedForMemory, nil: break
        }
    }

    mutating func restart(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, let record = records[id] else { return }
        update(id) { $0.isHeld = false }
        forgetFailures(id, now)
        if record.life == nil {
            launch([id], now)
        } else {
            say(id, "\(id) is being restarted")
            drain(id, reason: .restart, by: PolicyTiming.stopBy, next: .start, now)
        }
    }

    mutating func reset(_ id: WorkerID, _ now: Instant) {
        guard shutdown == nil, let record = records[id] else { return }
        forgetFailures(id, now)
        switch record.phase {
        case .backoff, .quarantined, .parked, .parkedForMemory: launch([id], now)
        case .starting, .ready:
            // Safe mode is among what is forgotten, and only a new start leaves it.
            guard record.safeReason != nil else { return }
            drain(id, reason: .restart, by: PolicyTiming.stopBy, next: .start, now)
        case .draining, .stopped, .waiting: break
        }
    }

    /// As if nothing had ever gone wrong with it.
    mutating func forgetFailures(_ id: WorkerID, _ now: Instant) {
        update(id) { $0.forgetFailures(now: now) }
        if id.kind == .gateway { safeMode.reset() }
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
        case .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting: break
        }
    }
}
