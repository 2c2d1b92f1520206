import IPCControl

@testable import Supervisor

/// The tree among processes that do anything, and what it has promised. One instance is one random sequence: the seed
/// decides everything, so a fault is repeated by its seed and the number of steps.
struct TreeModel {
    /// In the order of the table.
    static let ids: [WorkerID] = [.gateway, .agent, .telegram, .model, .ngrok, .of("tool:files")]
    private static let afterNgrok: [WorkerID] = [.ngrok]
    private static let everybody = UInt8.max
    /// Steps between two looks at what costs most to compute; the last step of a sequence is always followed by one.
    private static let looksApart = 4
    /// Longer than any drain may take, the processes' own slowness apart.
    static let shutdownBound = PolicyTiming.abandonAt + .milliseconds(200)
    /// A probe, the longest back-off, a wait for another worker, and the tokens for all.
    static let healingBound = Duration.seconds(60 + 30 + 10 + 10)

    private(set) var tree: SupervisorTree
    private(set) var now = Instant(nanoseconds: 0)
    private(set) var faults: [String] = []
    /// What happened, when somebody wants to read it.
    private(set) var trace: [String]?
    private var random: SplitMix64
    /// Parallel to `ids`.
    private var plan: [WorkerSpec?]
    private var alive: [UInt64]
    private var highest: [UInt64]
    private var unexplained: [UInt64]
    private var isKilled: [Bool]
    /// Lives to show whether its quarantine is over.
    private var isProbing: [Bool]
    private var isHeld: [Bool]
    private var finished: Bool?
    /// Nothing fails any more.
    private var isHealing = false
    /// A bucket of the model's own: when it would be full again.
    private var bucketFullAt = Instant(nanoseconds: 0)
    private let totalKB: Int64?
    private let reserve: MemoryShare
    /// The workers that a plan may name: the gateway and up to five.
    private let count: Int
    /// Starts of this one mostly fail.
    private let unstartable: Int?
    private var steps = 0
    /// Answers of the shell to the effects of this moment.
    private var answers: [SupervisorEvent] = []

    init(seed: UInt64, isTracing: Bool = false) {
        random = SplitMix64(seed: seed)
        tree = SupervisorTree(seed: seed, now: now)
        count = 1 + Int(random.next() % UInt64(Self.ids.count))
        unstartable = random.next() % 4 == 0 ? Int(random.next() % UInt64(count)) : nil
        plan = Array(repeating: nil, count: count)
        let (none, no) = (Array(repeating: UInt64(0), count: count), Array(repeating: false, count: count))
        (alive, highest, unexplained) = (none, none, none)
        (isKilled, isHeld, isProbing) = (no, no, no)
        trace = isTracing ? [] : nil
        // From a machine where hardly two fit to one that is large enough; sometimes nobody knows.
        let megabytes = [0, 64, 80, 96, 128, 160, 256, 1024][Int(random.next() % 8)]
        totalKB = megabytes > 0 ? Int64(megabytes) * 1024 : nil
        reserve = MemoryShare(leastKB: 16 * 1024)
        handle(.total(totalKB))
        newPlan()
        if random.next() % 32 == 0 { storm() }
    }

    /// All die of one cause, again and again, faster than the tree's bucket is filled.
    private mutating func storm() {
        isHealing = true
        for id in Self.ids where id.kind == .model { handle(.start(id, by: .gateway)) }
        for _ in 0...PolicyTiming.restartCredit {
            for (index, id) in living { handle(.ready(id, alive[index])) }
            for (index, _) in living { exit(index, .plainKill) }
        }
        isHealing = false
        check()
    }

    // MARK: - Steps

    /// One random thing happens.
    mutating func step() {
        let index = Int(random.next() % UInt64(count))
        let id = Self.ids[index]
        let choice = random.next() % 29
        steps += 1
        if random.next() % 8 == 0 { return late(index, choice) }
        let incarnation = alive[index]
        switch choice {
        case 0...3: handle(.ready(id, incarnation))
        case 4: handle(.heartbeat(id, incarnation))
        case 5: handle(.leave(id, incarnation))
        case 6: handle(.fatal(id, incarnation, reason: "wrong token"))
        case 7: handle(.lifelineBroken(id, incarnation, text: "nonsense"))
        case 8...9: handle(.memory(id, incarnation, usedKB: Int64(random.next() % 100_000), peakKB: 0))
        case 10...14: exit(index, randomDeath())
        case 15: handle(.start(id, by: .gateway))
        case 16:
            if plan[index] != nil { isHeld[index] = false }
            handle(.start(id, by: .person))
        case 17:
            if plan[index] != nil { isHeld[index] = true }
            handle(.stop(id))
        case 18:
            if plan[index] != nil { isHeld[index] = false }
            handle(.restart(id))
        case 19: handle(.reset(id))
        case 20: newPlan()
        case 26...27: for (index, id) in living { handle(.ready(id, alive[index])) }
        // One cause for all.
        case 28: for (index, _) in living { exit(index, .plainKill) }
        default: pass()
        }
        for index in alive.indices where isKilled[index] && random.next() % 2 == 0 { exit(index, .plainKill) }
        check()
        if steps % Self.looksApart == 0 { checkMemory() }
    }

    /// After the last step.
    mutating func finish() { checkMemory() }

    private var living: [(Int, WorkerID)] { alive.indices.filter { alive[$0] > 0 }.map { ($0, Self.ids[$0]) } }

    /// An event of an incarnation that is gone, or never was, changes nothing.
    private mutating func late(_ index: Int, _ choice: UInt64) {
        let id = Self.ids[index]
        let incarnation = random.next() % (highest[index] + 2)
        guard incarnation != alive[index] || alive[index] == 0 else { return }
        let event: SupervisorEvent =
            switch choice % 10 {
            case 0: .ready(id, incarnation)
            case 1: .heartbeat(id, incarnation)
            case 2: .leave(id, incarnation)
            case 3: .fatal(id, incarnation, reason: "late")
            case 4: .lifelineBroken(id, incarnation, text: "late")
            case 5: .memory(id, incarnation, usedKB: 1 << 40, peakKB: 1 << 40)
            case 6: .limited(id, incarnation, hardKB: 1)
            case 7: .status(id, incarnation, text: "late")
            case 8: .spawnFailed(id, incarnation, text: "late")
            default: .exited(id, incarnation, .segfault)
            }
        let before = tree.records[id]
        let effects = handle(event)
        if effects > 0 || before != tree.records[id] { faults.append("late \(event) had effect") }
    }

    private mutating func pass() {
        switch random.next() % 5 {
        case 0: now = now + .seconds(Int64(1 + random.next() % 700))
        case 1: now = now + .milliseconds(Int64(random.next() % 500))
        default: if let due = tree.nextDeadline, due > now { now = due }
        }
        handle(.tick)
    }

    private mutating func newPlan() {
        let old = plan
        for index in plan.indices {
            let id = Self.ids[index]
            guard id == .gateway || random.next() % 8 > 0 else {
                plan[index] = nil
                isHeld[index] = false
                continue
            }
            let isNew = random.next() % 4 == 0
            let revision = (old[index]?.revision ?? "1") + (isNew ? "+" : "")
            let wantedMB = Int64([16, 64, 96][Int(random.next() % 3)])
            let memory = MemoryTerms(
                hard: MemoryShare(leastKB: wantedMB * 1024),
                floorKB: 16 * 1024,
                weight: Int64(10 * (index + 1))
            )
            let after = index == 2 || random.next() % 16 == 0 ? Self.afterNgrok : []
            let mode: StartMode = index == 3 ? .demand : .permanent
            plan[index] = WorkerSpec(id: id, start: mode, revision: revision, memory: memory, after: after)
            if old[index] == nil { isHeld[index] = false }
        }
        handle(.planned(plan.compactMap { $0 }, reserve: reserve))
    }

    private mutating func exit(_ index: Int, _ death: CauseOfDeath) {
        let incarnation = alive[index]
        guard incarnation > 0 else { return }
        alive[index] = 0
        isKilled[index] = false
        handle(.exited(Self.ids[index], incarnation, death))
        if unexplained[index] == incarnation { faults.append("\(Self.ids[index]) \(incarnation) died without a word") }
    }

    private mutating func randomDeath() -> CauseOfDeath {
        switch random.next() % 3 {
        case 0: .plainKill
        case 1: .segfault
        default: .clean
        }
    }

    // MARK: - Ends

    /// TERM: whatever the processes do, it ends within the schedule.
    mutating func shutDown() {
        let start = now
        handle(.terminate)
        let isObedient = random.next() % 2 == 0
        while finished == nil, now - start <= .seconds(5) {
            if isObedient { exit(Int(random.next() % UInt64(count)), .clean) }
            for index in alive.indices where isKilled[index] && random.next() % 4 > 0 { exit(index, .plainKill) }
            if random.next() % 40 == 0 { handle(.terminate) }
            if finished == nil { now = now + .milliseconds(Int64(1 + random.next() % 400)) }
            handle(.tick)
        }
        if finished == nil || now - start > Self.shutdownBound + .milliseconds(400) {
            faults.append("the drain took \((now - start).inWords)")
        }
        if finished == true, alive.contains(where: { $0 > 0 }) { faults.append("finished with somebody alive") }
        if alive.allSatisfy({ $0 == 0 }), unexplained.contains(where: { $0 > 0 }) {
            faults.append("a death unexplained")
        }
    }

    /// From here on nothing fails: within the bound everybody who is meant to live is ready.
    mutating func heal() {
        isHealing = true
        let end = now + Self.healingBound
        for index in alive.indices where alive[index] > 0 {
            handle(.memory(Self.ids[index], alive[index], usedKB: 2048, peakKB: 2048))
        }
        while now < end {
            for (index, id) in living {
                switch tree.records[id]?.publicPhase {
                case .starting: handle(.ready(id, alive[index]))
                case .draining: exit(index, .clean)
                default: handle(.heartbeat(id, alive[index]))
                }
            }
            guard !isHealed, let due = tree.nextDeadline, due <= end else { break }
            now = max(now, due)
            handle(.tick)
            check()
        }
        checkMemory()
        if !isHealed {
            let rows = tree.statuses.map { "\($0.id) \($0.state.rawValue)" }
            faults.append("somebody is given up although nothing fails: \(rows.joined(separator: ", "))")
        }
    }

    private var isHealed: Bool {
        tree.records.values.indices.allSatisfy { position in
            guard let index = index(of: tree.records.values[position].spec.id) else { return false }
            if tree.records.values[position].spec.start != .permanent || isHeld[index] { return true }
            switch tree.records.values[position].phase {
            case .ready, .parked, .parkedForMemory: return true
            case .stopped, .starting, .draining, .backoff, .quarantined, .waiting: return false
            }
        }
    }

    // MARK: - The world around the tree

    /// Hands an event over, and what comes of it; returns how many effects there were.
    @discardableResult
    private mutating func handle(_ first: SupervisorEvent) -> Int {
        var (event, count, next) = (first, 0, 0)
        while true {
            // Answers of the shell come a moment later, never at a moment of their own.
            let (free, quarantined) = standing(before: event)
            let failing = failingProbe(event)
            let effects = tree.handle(event, at: now)
            if trace != nil { trace?.append("\(now.nanoseconds / 1_000_000) ms  \(event)  ->  \(effects)") }
            for effect in effects { follow(effect, free, quarantined) }
            count += effects.count
            if let failing { checkProbe(failing) }
            guard next < answers.count else { break }
            event = answers[next]
            next += 1
        }
        answers.removeAll(keepingCapacity: true)
        return count
    }

    /// The workers whose start costs no token, because somebody asked for it; and those whose start would be a probe.
    /// A bit each.
    private func standing(before event: SupervisorEvent) -> (free: UInt8, quarantined: UInt8) {
        var free: UInt8 = 0
        switch event {
        case .planned: return (Self.everybody, 0)
        case .heartbeat, .status: return (0, 0)
        case .start(let id, by: .person), .restart(let id), .reset(let id): free = bit(id)
        default: break
        }
        var quarantined: UInt8 = 0
        for position in tree.records.values.indices {
            switch tree.records.values[position].phase {
            case .starting, .ready, .backoff, .parked: continue
            case .quarantined: quarantined |= bit(tree.records.values[position].spec.id)
            case .draining(_, let ending) where ending.next != .start || ending.reason != .asked: continue
            case .waiting where tree.records.values[position].isRestart: continue
            case .draining, .waiting, .parkedForMemory, .stopped: free |= bit(tree.records.values[position].spec.id)
            }
        }
        return (free, quarantined & ~free)
    }

    private func index(of id: WorkerID) -> Int? {
        for index in alive.indices where Self.ids[index] == id { return index }
        return nil
    }

    private func bit(_ id: WorkerID) -> UInt8 { index(of: id).map { 1 << $0 } ?? 0 }

    /// Whose attempt to leave quarantine ends with this event, unasked and too soon.
    private mutating func failingProbe(_ event: SupervisorEvent) -> WorkerID? {
        switch event {
        case .planned:
            for index in isProbing.indices { isProbing[index] = false }
            return nil
        case .restart(let id), .reset(let id), .start(let id, by: .person):
            if let index = index(of: id) { isProbing[index] = false }
            return nil
        case .spawnFailed(let id, let incarnation, _): return isFailing(id, incarnation) ? id : nil
        case .exited(let id, let incarnation, let death) where !death.isCleanExit:
            return isFailing(id, incarnation) ? id : nil
        default: return nil
        }
    }

    private func isFailing(_ id: WorkerID, _ incarnation: UInt64) -> Bool {
        guard let index = index(of: id), isProbing[index], unexplained[index] == incarnation, !tree.isShuttingDown,
            let record = tree.records[id], !record.isRemoved
        else { return false }
        if case .draining(_, let ending) = record.phase, ending.next != .policy { return false }
        guard let readyAt = record.life?.readyAt else { return true }
        return now - readyAt < PolicyTiming.probeHealth
    }

    private mutating func checkProbe(_ id: WorkerID) {
        if case .quarantined = tree.records[id]?.phase { return }
        faults.append("\(id): its attempt to leave quarantine failed, and it is not back in it")
    }

    private mutating func follow(_ effect: SupervisorEffect, _ free: UInt8, _ quarantined: UInt8) {
        switch effect {
        case .spawn(let id, let incarnation): spawned(id, incarnation, free, quarantined)
        case .kill(let id, let incarnation):
            guard let index = living(id, incarnation, "kill") else { return }
            isKilled[index] = true
        case .drain(let id, let incarnation, _, _): _ = living(id, incarnation, "drain")
        case .shed(let id, let incarnation): _ = living(id, incarnation, "shed")
        case .limit(let id, let incarnation, let hardKB, let softKB):
            // Of a start of this moment that has failed: the shell knows, the tree is about to hear.
            if let index = index(of: id), alive[index] == 0, unexplained[index] == incarnation { return }
            guard living(id, incarnation, "limit") != nil else { return }
            if softKB > hardKB { faults.append("\(id): soft \(softKB) above hard \(hardKB)") }
            // Sometimes the kernel does not let go at once.
            if !isHealing, random.next() % 8 == 0 { answers.append(.limited(id, incarnation, hardKB: hardKB + 1024)) }
        case .died(let id, let incarnation, _):
            guard let index = index(of: id), unexplained[index] == incarnation else {
                faults.append("\(id): \(incarnation) died twice, or never lived")
                return
            }
            unexplained[index] = 0
        case .gone(let id):
            guard let index = index(of: id) else { return }
            if alive[index] > 0 || plan[index] != nil { faults.append("\(id): gone too early") }
        case .finished(let isComplete): finished = isComplete
        case .changed, .say: break
        }
    }

    private mutating func living(_ id: WorkerID, _ incarnation: UInt64, _ what: String) -> Int? {
        guard let index = index(of: id), alive[index] == incarnation else {
            faults.append("\(id): \(what) of \(incarnation), which does not live")
            return nil
        }
        return index
    }

    private mutating func spawned(
        _ id: WorkerID,
        _ incarnation: UInt64,
        _ free: UInt8,
        _ quarantined: UInt8
    ) {
        guard let index = index(of: id) else { return faults.append("\(id) is nobody's") }
        if alive[index] > 0 { faults.append("\(id): \(incarnation) beside \(alive[index])") }
        if incarnation <= highest[index] { faults.append("\(id): \(incarnation) after \(highest[index])") }
        if unexplained[index] > 0 { faults.append("\(id): started before its death was told") }
        if tree.isShuttingDown { faults.append("\(id): started in shutdown") }
        if index > 0, free & 1 << index == 0 {
            bucketFullAt = max(bucketFullAt, now) + PolicyTiming.treeRestartInterval
            let burst = PolicyTiming.treeRestartInterval * PolicyTiming.treeRestartBurst
            if bucketFullAt - now > burst { faults.append("\(id): a restart beyond the tree's budget") }
        }
        isProbing[index] = quarantined & 1 << index != 0
        highest[index] = incarnation
        unexplained[index] = incarnation
        if !isHealing, (random.next() % 8 == 0) != (unstartable == index) {
            answers.append(.spawnFailed(id, incarnation, text: "no memory"))
        } else {
            alive[index] = incarnation
            answers.append(.spawned(id, incarnation, pid: Int32(truncatingIfNeeded: incarnation)))
        }
    }

    // MARK: - Promises

    /// What is cheap to see, after each step.
    private mutating func check() {
        if let due = tree.nextDeadline, due <= now { faults.append("a deadline stays over: the loop would spin") }
        var position = 0
        for index in alive.indices {
            guard position < tree.records.values.count, tree.records.values[position].spec.id == Self.ids[index] else {
                if plan[index] != nil { faults.append("\(Self.ids[index]): planned but no row") }
                if alive[index] > 0 { faults.append("\(Self.ids[index]): alive without a row") }
                continue
            }
            checkRow(index, tree.records.values[position])
            position += 1
        }
        if position < tree.records.values.count { faults.append("rows of nobody, or out of order") }
    }

    private mutating func checkRow(_ index: Int, _ record: WorkerRecord) {
        let id = Self.ids[index]
        if (record.life != nil) != (alive[index] > 0) {
            faults.append("\(id): \(record.publicPhase.rawValue), alive: \(alive[index])")
        }
        if record.life != nil, record.incarnation != alive[index] { faults.append("\(id): row of another incarnation") }
        if alive[index] == 0, unexplained[index] > 0 { faults.append("\(id): died without a word") }
        if case .draining(_, let ending) = record.phase { checkDrain(index, ending) }
        guard let spec = plan[index] else {
            if alive[index] == 0 { faults.append("\(id): row without plan or process") }
            return
        }
        switch record.phase {
        case .stopped where spec.start == .permanent && !isHeld[index]: faults.append("\(id): forgotten")
        case .quarantined(let probeAt):
            if index == 0 || probeAt > now + .seconds(70) { faults.append("\(id): quarantined until \(probeAt)") }
        case .parked, .parkedForMemory: if id == .gateway { faults.append("the gateway is parked") }
        case .backoff(let until):
            let bound = index == 0 ? PolicyTiming.gatewayBackoffCap : PolicyTiming.backoffCap + .seconds(5)
            if until > now + bound { faults.append("\(id): starts again only in \((until - now).inWords)") }
        case .stopped, .starting, .ready, .draining, .waiting: break
        }
    }

    /// The end of a drain is SIGKILL, and comes in time.
    private mutating func checkDrain(_ index: Int, _ ending: WorkerRecord.Ending) {
        if ending.isKilled != isKilled[index] {
            faults.append("\(Self.ids[index]): killed by its row: \(ending.isKilled), in truth: \(isKilled[index])")
        }
        if ending.killAt > now + PolicyTiming.softBy + PolicyTiming.killGrace {
            faults.append("\(Self.ids[index]): may drain until \(ending.killAt)")
        }
    }

    /// The sum of the limits, and whether somebody is kept out who would fit. Computed from the rows, not by the tree.
    private mutating func checkMemory() {
        guard let totalKB, !tree.isShuttingDown else { return }
        let availableKB = totalKB - reserve.leastKB
        var (grantedKB, leastKB): (Int64, Int64) = (0, 0)
        var (isForced, isOwed) = (false, false)
        for record in tree.records.values where record.isCounted {
            grantedKB += record.grant.hardKB
            isOwed = isOwed || record.isLimitOwed
            let floorKB = min(record.spec.memory.floorKB, record.spec.memory.hard.leastKB)
            var least = floorKB
            if record.life != nil {
                least = min(max(floorKB, record.usedKB + PolicyTiming.memoryHeadroomKB), record.grant.hardKB)
            }
            leastKB += least
            // Gateway and agents are never refused; then nobody has more than he must.
            if record.isEssential { isForced = true }
        }
        if grantedKB > availableKB, !isOwed {
            let generous = tree.records.values.first { record in
                record.isCounted
                    && record.grant.hardKB
                        > max(
                            record.spec.memory.floorKB,
                            max(record.usedKB, record.peakKB) + PolicyTiming.memoryHeadroomKB
                        )
            }
            if !isForced || generous != nil {
                faults.append(
                    "\(grantedKB) KB are granted of \(availableKB), the most to \(generous?.spec.id.rawValue ?? "")"
                )
            }
        }
        for record in tree.records.values {
            guard case .parkedForMemory = record.phase else { continue }
            let floorKB = min(record.spec.memory.floorKB, record.spec.memory.hard.leastKB)
            if leastKB + floorKB <= availableKB {
                faults.append("\(record.spec.id) is parked for memory but would fit")
            }
        }
    }
}
