internal import IPCControl

extension UpgradeState.Head: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("BUILD", &build)
        try fields.carry("PID", &pid)
        try fields.carry("STARTED_AT", &startedAt)
        try fields.carry("HUB_KEY", &hubKey)
        try fields.carry("FAILURE", &failure)
    }
}

extension UpgradeState.SiteState: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("RUNTIME", &runtimeDirectory)
        try fields.carry("LOCK", &lock)
        try fields.carry("LOCK_FILE", &lockFile)
        try fields.carry("CONTROL", &control)
        try layout.carry(&fields)
    }
}

extension UpgradeState.Listener: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("NAME", &name)
        try fields.carry("FD", &fd)
        try fields.carry("PORT", &port)
        try fields.carry("ADDRESS", &address)
    }
}

extension UpgradeState.Process: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("ID", &id)
        try fields.carryBits("INCARNATION", &incarnation)
        try fields.carry("PID", &pid)
        try fields.carry("BUILD", &build)
        try group.carry(&fields)
        try fields.carry("MEASURED_AT", &measuredAt)
        try fields.carry("LIFELINE", &lifeline)
        try fields.carry("OUTPUT", &output)
        try fields.carry("OUTPUT_SKIPS", &outputLine.isSkipping)
        try fields.carry("ERRORS", &errors)
        try fields.carry("ERRORS_SKIPS", &errorsLine.isSkipping)
    }
}

extension UpgradeState.LogState: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("SEQUENCE", &sequence)
        try fields.carry("DROPPED", &dropped)
        try fields.carry("LOG_FORMAT", &format)
    }
}

extension UpgradeState.LogState.Remainder: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry(optional: "ID", &worker)
        try fields.carry("GAP", &gap)
    }
}

extension UpgradeState.Client: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("FD", &fd)
        try fields.carry("UID", &uid)
        try fields.carry("DEADLINE", &deadline)
        try state.carry(&fields)
    }
}

extension ControlClient.State: Carried {
    private enum Word: String {
        case idle, ready, stopped, plan, logs, events, upgrade
    }

    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        var (word, id, after) = (Word.idle, WorkerID?.none, UInt64(0))
        switch self {
        case .idle: break
        case .ready(let worker, let incarnation): (word, id, after) = (.ready, worker, incarnation)
        case .stopped(let worker): (word, id) = (.stopped, worker)
        case .plan: word = .plan
        case .logs(let worker): (word, id) = (.logs, worker)
        case .events(let worker): (word, id) = (.events, worker)
        case .upgrade: word = .upgrade
        }
        try fields.carry("WAITS", &word)
        try fields.carryBits("AFTER", &after)
        try fields.carry(optional: "WORKER", &id)
        switch (word, id) {
        case (.idle, _): self = .idle
        case (.ready, let id?): self = .ready(id, after: after)
        case (.stopped, let id?): self = .stopped(id)
        case (.ready, nil), (.stopped, nil): throw fields.malformed("WORKER")
        case (.plan, _): self = .plan
        case (.logs, let id): self = .logs(id)
        case (.events, let id): self = .events(id)
        case (.upgrade, _): self = .upgrade
        }
    }
}

extension ExitLedger.Entry: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("ID", &id)
        try fields.carryBits("INCARNATION", &incarnation)
        try death.carry(&fields)
    }
}

extension EventLog.Entry: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("AT_MS", &atMilliseconds)
        try fields.carry(optional: "ID", &id)
        try fields.carryBits("INCARNATION", &incarnation)
        try fields.carry("TEXT", &text)
    }
}

extension LogLine: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("SEQUENCE", &sequence)
        try fields.carry("AT_MS", &atMilliseconds)
        try fields.carry(optional: "ID", &worker)
        try fields.carryBits("INCARNATION", &incarnation)
        try fields.carry("TEXT", &text)
    }
}
