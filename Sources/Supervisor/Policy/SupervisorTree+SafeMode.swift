internal import IPCControl

extension SupervisorTree {
    /// Records a death of the gateway, and says when its next start is one in safe mode.
    mutating func poisoned(_ record: WorkerRecord, _ life: WorkerRecord.Life, _ death: CauseOfDeath, _ now: Instant) {
        guard record.spec.id.kind == .gateway else { return }
        var window = PolicyTiming.poisonWindow
        // A loop that stands still is found out by its silence, which lasts as long again.
        if death.cause == .watchdog { window += PolicyTiming.heartbeatSuspicion + PolicyTiming.heartbeatGrace }
        let isEarly = life.readyAt == nil || now - life.startedAt <= window
        guard safeMode.died(isEarly: isEarly, isOwnDoing: death.isOwnDoing, text: death.text) else { return }
        let reason = safeMode.reason ?? ""
        let trial = (safeMode.trialAfter ?? .zero).inWords
        say(
            record.spec.id,
            "the gateway \(reason). It starts in safe mode: health and user interface, nothing is dispatched. "
                + "A normal start is tried after \(trial), when the configuration changes, or by: clawhold restart gateway"
        )
    }

    /// When a gateway in safe mode is tried normally.
    func trialAt(_ record: WorkerRecord) -> Instant? {
        guard record.safeReason != nil, shutdown == nil, let trialAfter = safeMode.trialAfter,
            case .ready(let life) = record.phase, let readyAt = life.readyAt
        else { return nil }
        return readyAt + trialAfter
    }

    /// Replaces a gateway in safe mode by a normal one.
    mutating func beginTrial(_ now: Instant) {
        guard let id = records.values.first(where: { $0.spec.id.kind == .gateway })?.spec.id else { return }
        safeMode.beginTrial()
        say(id, "the gateway was well in safe mode: trying a normal start")
        drain(id, reason: .restart, by: PolicyTiming.stopBy, next: .start, now)
    }
}
