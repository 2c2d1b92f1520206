internal import IPCControl

// What the policy knows, for a supervisor that goes on in another image. Not carried: a shutdown in progress and
// effects that are not done yet, because nothing is handed on while there are any. `SnapshotTests` notices a stored
// property that is named nowhere here.

extension SupervisorTree: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carryBits("FLOOR", &incarnationFloor)
        try fields.carryBits("RANDOM", &random.state)
        try fields.carry("BUDGET_FULL_AT", &restartBudget.fullAt)
        try fields.carry("TOTAL_KB", &totalKB)
        try reserve.carry(&fields, "RESERVE")
        try fields.carry("DIVISION_STALE", &isDivisionStale)
        try fields.carry("SOMEBODY_WAITING", &isSomebodyWaiting)
        try safeMode.carry(&fields)
    }

    /// The tree in blocks: its own, then one per worker.
    func blocks() throws(StateError) -> [Block] {
        var blocks = [try StateFields.write("TREE", self)]
        for record in records.values { blocks.append(try StateFields.write("RECORD", record)) }
        return blocks
    }

    /// Takes a RECORD.
    mutating func read(record block: Block) throws(StateError) {
        guard let id = block["ID"].flatMap({ WorkerID($0) }), records[id] == nil else {
            throw .malformed("ID", block.type)
        }
        var record = WorkerRecord(spec: WorkerSpec(id: id, start: .permanent, revision: ""), after: 0, now: .origin)
        try StateFields.read(block, into: &record)
        records.insert(record)
    }
}

extension WorkerRecord: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try spec.carry(&fields)
        try phase.carry(&fields)
        try fields.carry("SINCE", &since)
        try fields.carryBits("INCARNATION", &incarnation)
        try fields.carry("HELD", &isHeld)
        try fields.carry("REMOVED", &isRemoved)
        try fields.carry("RESTARTS", &restarts)
        try backoff.carry(&fields)
        try fields.carry("REST_UNTIL", &restUntil)
        try fields.carry("PROBING", &isProbing)
        try fields.carry("UNASKED", &isRestart)
        try pressure.carry(&fields)
        try history.carry(&fields)
        try fields.carry("CAUSE", &lastDeath, .blank) { (fields, death) throws(StateError) in try death.carry(&fields) }
        try fields.carry("DIED_AT", &diedAt)
        try fields.carry("TEXT", &text)
        try grant.carry(&fields)
        try fields.carry("LIMIT_OWED", &isLimitOwed)
        try fields.carry("SAFE", &safeReason)
        try fields.carry("USED_KB", &usedKB)
        try fields.carry("PEAK_KB", &peakKB)
    }
}

/// With the keys of the plan's WORKER, which `PlanReader` reads.
extension WorkerSpec: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("ID", &id)
        try fields.carry("START", &start)
        try fields.carry("REV", &revision)
        try memory.carry(&fields)
        var names = after.map(\.rawValue).joined(separator: ",")
        try fields.carry("AFTER", &names)
        after = []
        for name in names.split(separator: ",").prefix(PlanReader.dependencyLimit) {
            guard let id = WorkerID(String(name)) else { throw fields.malformed("AFTER") }
            after.append(id)
        }
        try fields.carry("RESTART", &restart)
        try carryReadySign(&fields)
    }

    private mutating func carryReadySign(_ fields: inout StateFields) throws(StateError) {
        var (line, port) = (String?.none, UInt16?.none)
        switch readySign {
        case .line(let text): line = text
        case .port(let number): port = number
        case nil: break
        }
        try fields.carry("READY_LINE", &line)
        try fields.carry("READY_PORT", &port)
        readySign = line.map { .line($0) } ?? port.map { .port($0) }
    }
}

extension MemoryTerms: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try hard.carry(&fields, "HARD")
        try fields.carry("SOFT_KB", &soft, .init()) { (fields, share) throws(StateError) in
            try share.carry(&fields, "SOFT")
        }
        try fields.carry("FLOOR_KB", &floorKB)
        try fields.carry("WEIGHT", &weight)
        self = MemoryTerms(hard: hard, soft: soft, floorKB: floorKB, weight: weight)
    }
}

extension MemoryShare {
    mutating func carry(_ fields: inout StateFields, _ name: String) throws(StateError) {
        var (least, share, most) = (leastKB, percent, mostKB)
        try fields.carry("\(name)_KB", &least)
        try fields.carry("\(name)_PERCENT", &share)
        try fields.carry("\(name)_MAX_KB", &most)
        self = MemoryShare(leastKB: least, percent: share, mostKB: most)
    }
}

extension MemoryGrant: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("GRANT_HARD_KB", &hardKB)
        try fields.carry("GRANT_SOFT_KB", &softKB)
    }
}

extension WorkerRecord.Phase: Carried {
    private enum Word: String {
        case stopped, starting, ready, draining, backoff, quarantined, parked, parkedForMemory, waiting
    }

    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        var (word, until) = (Word.stopped, Instant.origin)
        var (life, ending) = (WorkerRecord.Life.blank, WorkerRecord.Ending.blank)
        switch self {
        case .stopped: break
        case .starting(let current): (word, life) = (.starting, current)
        case .ready(let current): (word, life) = (.ready, current)
        case .draining(let current, let how): (word, life, ending) = (.draining, current, how)
        case .backoff(let moment): (word, until) = (.backoff, moment)
        case .quarantined(let moment): (word, until) = (.quarantined, moment)
        case .parked: word = .parked
        case .parkedForMemory: word = .parkedForMemory
        case .waiting(let moment): (word, until) = (.waiting, moment)
        }
        try fields.carry("PHASE", &word)
        switch word {
        case .starting, .ready, .draining: try life.carry(&fields)
        case .backoff, .quarantined, .waiting: try fields.carry("UNTIL", &until)
        case .stopped, .parked, .parkedForMemory: break
        }
        if word == .draining { try ending.carry(&fields) }
        self =
            switch word {
            case .stopped: .stopped
            case .starting: .starting(life)
            case .ready: .ready(life)
            case .draining: .draining(life, ending)
            case .backoff: .backoff(until: until)
            case .quarantined: .quarantined(probeAt: until)
            case .parked: .parked
            case .parkedForMemory: .parkedForMemory
            case .waiting: .waiting(until: until)
            }
    }
}

extension SafeMode: Carried {
    private enum Word: String {
        case normal, safe, trial
    }

    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        var (word, deaths, why, after) = (Word.normal, 0, "", Duration.zero)
        switch state {
        case .normal(let count): deaths = count
        case .safe(let reason, let trialAfter): (word, why, after) = (.safe, reason, trialAfter)
        case .trial(let reason, let trialAfter): (word, why, after) = (.trial, reason, trialAfter)
        }
        try fields.carry("SAFE_MODE", &word)
        try fields.carry("SAFE_DEATHS", &deaths)
        try fields.carry("SAFE_REASON", &why)
        try fields.carry("SAFE_TRIAL_AFTER", &after)
        switch word {
        case .normal: state = .normal(deaths: deaths)
        case .safe: state = .safe(reason: why, trialAfter: after)
        case .trial: state = .trial(reason: why, trialAfter: after)
        }
    }
}

extension SoftPressure: Carried {
    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("SOFT_LOOKS", &looks)
        try fields.carry("SHED_AT", &shedAt)
        try fields.carry("HELD_BACK", &isHeldBack)
        try fields.carry("REPLACED_AT", &replacedAt)
        try fields.carry("SOFT_LEVEL", &level)
        // It is shifted by.
        guard (0...16).contains(level) else { throw fields.malformed("SOFT_LEVEL") }
    }
}

extension WorkerRecord.Life: Carried {
    static let blank = Self(startedAt: .origin, liveness: Liveness(now: .origin))

    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("PID", &pid)
        try fields.carry("STARTED_AT", &startedAt)
        try fields.carry("READY_AT", &readyAt)
        try liveness.carry(&fields)
    }
}

extension WorkerRecord.Ending: Carried {
    static let blank = Self(reason: .asked, next: .stop, killAt: .origin)

    mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("END_REASON", &reason)
        try fields.carry("END_NEXT", &next)
        try fields.carry("KILL_AT", &killAt)
        try fields.carry("KILLED", &isKilled)
        try fields.carry("END_TEXT", &text)
    }
}

extension Liveness: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("SUSPECT", &isSuspect)
        try fields.carry("LOOK_AT", &lookAt)
    }
}

extension Backoff: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("CREDIT", &credit)
        try fields.carry("CREDIT_AT", &creditCountedAt)
        try fields.carry("LEVEL", &level)
    }
}

extension FailureHistory: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("UNREADY_STARTS", &unreadyStarts)
        var count = ownDoingDeaths.count
        try fields.carry("OWN_DOING", &count)
        guard (0...PolicyTiming.ownDoingLimit).contains(count) else { throw fields.malformed("OWN_DOING") }
        ownDoingDeaths += repeatElement(.origin, count: max(0, count - ownDoingDeaths.count))
        for index in 0..<count { try fields.carry("OWN_DOING\(index)", &ownDoingDeaths[index]) }
    }
}

extension CauseOfDeath: Carried {
    static let blank = Self(cause: .signal, isOwnDoing: false, text: "")

    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("CAUSE", &cause)
        try fields.carry("OWN_DOING_DEATH", &isOwnDoing)
        try fields.carry("DEATH", &text)
        try fields.carry("EXIT_CODE", &exitCode)
    }
}

extension Instant {
    /// A moment for values that are about to be read.
    static let origin = Instant(nanoseconds: 0)
}
