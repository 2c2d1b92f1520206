import IPCControl
import Testing

@testable import Supervisor

/// Random schedules of everything that can happen, in every order, checked against what must always hold.
@Suite("Supervisor tree under random schedules")
struct TreeModelTests {
    @Test("400 episodes of 500 events keep every promise", arguments: [UInt64(1), 2, 3, 4])
    func randomSchedules(seed: UInt64) {
        var events = 0
        for episode in 0..<100 {
            var model = TreeModel(seed: seed &* 1_000_003 &+ UInt64(episode))
            for _ in 0..<500 { model.step() }
            model.shutDown()
            events += model.events
            guard model.faults.isEmpty else {
                Issue.record("seed \(seed), episode \(episode): \(model.faults.prefix(3).joined(separator: "; "))")
                return
            }
        }
        #expect(events >= 50_000)
    }
}

/// The tree, processes that do anything, and the promises.
private struct TreeModel {
    var tree: SupervisorTree
    var now = Instant(nanoseconds: 0)
    var random: SplitMix64
    var plan: [WorkerID: WorkerSpec] = [:]
    var alive: [WorkerID: UInt64] = [:]
    var killed: Set<WorkerID> = []
    var highest: [WorkerID: UInt64] = [:]
    var unexplained: [WorkerID: UInt64] = [:]
    var held: Set<WorkerID> = []
    var finished: Bool?
    var events = 0
    var faults: [String] = []

    static let ids: [WorkerID] = [
        .gateway, .agent, .of("agent:other"), .telegram, .of("channel:discord:a"), .model, .of("model:openai"), .ngrok,
    ]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        tree = SupervisorTree(seed: seed, now: now)
        newPlan()
    }

    mutating func step() {
        let id = Self.ids.randomElement(using: &random) ?? .gateway
        // Mostly the living incarnation, sometimes any older one, sometimes one that never was.
        var incarnation = alive[id] ?? 0
        let isLate = Int.random(in: 0..<6, using: &random) == 0
        if isLate { incarnation = UInt64.random(in: 0...(highest[id] ?? 0) + 1, using: &random) }
        if isLate, incarnation == alive[id] { return }
        switch Int.random(in: 0..<24, using: &random) {
        case 0...3: process(.ready(id, incarnation), isLate)
        case 4...5: process(.heartbeat(id, incarnation), isLate)
        case 6: process(.leave(id, incarnation), isLate)
        case 7: process(.fatal(id, incarnation, reason: "wrong token"), isLate)
        case 8: process(.lifelineBroken(id, incarnation, text: "nonsense"), isLate)
        case 9: process(.memory(id, incarnation, usedKB: .random(in: 0...2000, using: &random), peakKB: 0), isLate)
        case 10...13: isLate ? process(.exited(id, incarnation, randomDeath()), true) : exit(id, randomDeath())
        case 14: handle(.start(id, by: .gateway))
        case 15:
            if plan[id] != nil { held.remove(id) }
            handle(.start(id, by: .person))
        case 16:
            if plan[id] != nil { held.insert(id) }
            handle(.stop(id))
        case 17:
            if plan[id] != nil { held.remove(id) }
            handle(.restart(id))
        case 18: handle(.reset(id))
        case 19: newPlan()
        default: pass()
        }
        for id in killed where Bool.random(using: &random) { exit(id, .plainKill) }
        check()
    }

    /// TERM: whatever the processes do, it ends within the schedule.
    mutating func shutDown() {
        let start = now
        handle(.terminate)
        let isObedient = Bool.random(using: &random)
        while finished == nil, now - start <= .seconds(5) {
            if isObedient, let id = alive.keys.randomElement(using: &random) { exit(id, .clean) }
            for id in killed where Int.random(in: 0..<4, using: &random) > 0 { exit(id, .plainKill) }
            if Int.random(in: 0..<40, using: &random) == 0 { handle(.terminate) }
            if finished == nil { now = now + .milliseconds(Int.random(in: 1...200, using: &random)) }
            handle(.tick)
        }
        if finished == nil || now - start > PolicyTiming.abandonAt + .milliseconds(200) {
            faults.append("the drain took \((now - start).inWords)")
        }
        if finished == true, !alive.isEmpty { faults.append("finished with \(alive) alive") }
        if alive.isEmpty, !unexplained.isEmpty { faults.append("unexplained: \(unexplained)") }
    }

    private mutating func newPlan() {
        let old = plan
        plan = [:]
        for id in Self.ids where id == .gateway || Int.random(in: 0..<8, using: &random) > 0 {
            let revision = old[id]?.revision ?? "1"
            let isNew = Int.random(in: 0..<4, using: &random) == 0
            let mode: StartMode = id.kind == .model ? .demand : .permanent
            plan[id] = WorkerSpec(
                id: id,
                start: mode,
                revision: isNew ? revision + "+" : revision,
                memory: .init(soft: .init(leastKB: 1900))
            )
        }
        held = held.filter { old[$0] != nil && plan[$0] != nil }
        handle(.planned(Array(plan.values)))
    }

    private mutating func process(_ event: SupervisorEvent, _ isLate: Bool) {
        let before = isLate ? tree.statuses : []
        let effects = handle(event)
        if isLate, !effects.isEmpty || before != tree.statuses { faults.append("late \(event) had effect") }
    }

    private mutating func exit(_ id: WorkerID, _ death: CauseOfDeath) {
        guard let incarnation = alive.removeValue(forKey: id) else { return }
        killed.remove(id)
        handle(.exited(id, incarnation, death))
        if unexplained[id] == incarnation { faults.append("\(id) \(incarnation) died without a word") }
    }

    private mutating func pass() {
        if Int.random(in: 0..<5, using: &random) == 0 {
            now = now + .seconds(Int.random(in: 1...700, using: &random))
        } else if let due = tree.nextDeadline, due > now {
            now = due
        } else {
            now = now + .milliseconds(Int.random(in: 0...500, using: &random))
        }
        handle(.tick)
    }

    @discardableResult
    private mutating func handle(_ event: SupervisorEvent) -> [SupervisorEffect] {
        var queue = [event]
        var all: [SupervisorEffect] = []
        while !queue.isEmpty {
            events += 1
            let effects = tree.handle(queue.removeFirst(), at: now)
            all += effects
            for effect in effects { follow(effect, &queue) }
        }
        return all
    }

    private mutating func follow(_ effect: SupervisorEffect, _ queue: inout [SupervisorEvent]) {
        switch effect {
        case .spawn(let id, let incarnation):
            if let other = alive[id] { faults.append("\(id): \(incarnation) beside \(other)") }
            if incarnation <= highest[id] ?? 0 { faults.append("\(id): \(incarnation) after \(highest[id] ?? 0)") }
            if unexplained[id] != nil { faults.append("\(id): started before its death was told") }
            if finished != nil || tree.isShuttingDown { faults.append("\(id): started in shutdown") }
            highest[id] = incarnation
            unexplained[id] = incarnation
            if Int.random(in: 0..<8, using: &random) == 0 {
                queue.append(.spawnFailed(id, incarnation, text: "no memory"))
            } else {
                alive[id] = incarnation
                queue.append(.spawned(id, incarnation, pid: Int32(truncatingIfNeeded: incarnation)))
            }
        case .kill(let id, let incarnation):
            if alive[id] != incarnation { faults.append("\(id): kill of \(incarnation)") }
            killed.insert(id)
        case .drain(let id, let incarnation, _, _):
            if alive[id] != incarnation { faults.append("\(id): drain of \(incarnation)") }
        case .died(let id, let incarnation, _):
            if unexplained.removeValue(forKey: id) != incarnation { faults.append("\(id): \(incarnation) died twice") }
        case .gone(let id):
            if alive[id] != nil || plan[id] != nil { faults.append("\(id): gone too early") }
        case .finished(let isComplete): finished = isComplete
        case .changed, .say, .limit, .shed: break
        }
    }

    private mutating func check() {
        if let due = tree.nextDeadline, due <= now { faults.append("a deadline stays over: the loop would spin") }
        for id in Self.ids {
            let status = tree.status(of: id)
            let lives = status.map { [.starting, .ready, .draining].contains($0.state) } ?? false
            if lives != (alive[id] != nil) {
                faults.append("\(id): \(status?.state.rawValue ?? "no row") but alive \(lives)")
            }
            if lives, status?.incarnation != alive[id] { faults.append("\(id): row of another incarnation") }
            guard let spec = plan[id] else {
                if status != nil, alive[id] == nil { faults.append("\(id): row without plan or process") }
                continue
            }
            guard let status else {
                faults.append("\(id): planned but no row")
                continue
            }
            if spec.start == .permanent, !held.contains(id), status.state == .stopped {
                faults.append("\(id): forgotten")
            }
            if id == .gateway, status.state == .quarantined || status.state == .parked {
                faults.append("the gateway is \(status.state.rawValue)")
            }
        }
    }

    private mutating func randomDeath() -> CauseOfDeath {
        [.plainKill, .segfault, .clean].randomElement(using: &random) ?? .clean
    }
}
