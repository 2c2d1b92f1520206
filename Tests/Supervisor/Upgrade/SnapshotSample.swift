import IPCControl

@testable import Supervisor

/// A state in which every property has a value that it does not have by itself.
enum SnapshotSample {
    static let channel = id("channel:telegram:default")
    static let sidecar = id("sidecar:radio")
    static let moment = Instant(nanoseconds: 77_000_000_123)
    static let death = CauseOfDeath(cause: .oomOwn, isOwnDoing: true, text: "50 % of\nnothing", exitCode: 3)

    private static func id(_ text: String) -> WorkerID {
        guard let id = WorkerID(text) else { preconditionFailure("not a worker: \(text)") }
        return id
    }

    static func spec(_ id: WorkerID) -> WorkerSpec {
        WorkerSpec(
            id: id,
            start: .demand,
            revision: "r2",
            memory: MemoryTerms(
                hard: MemoryShare(leastKB: 1, percent: 2, mostKB: 3),
                soft: MemoryShare(leastKB: 4, percent: 5, mostKB: 6),
                floorKB: 7,
                weight: 8
            ),
            after: [channel],
            restart: .onFailure,
            readySign: .line("on air")
        )
    }

    static func record(_ id: WorkerID, _ phase: WorkerRecord.Phase) -> WorkerRecord {
        var record = WorkerRecord(spec: spec(id), after: 41, now: moment)
        record.phase = phase
        record.isHeld = true
        record.isRemoved = true
        record.restarts = 5
        record.backoff.credit = 2
        record.backoff.creditCountedAt = moment + .seconds(1)
        record.backoff.level = 3
        record.restUntil = moment + .seconds(2)
        record.isProbing = true
        record.isRestart = true
        record.diedAt = moment + .seconds(1)
        record.pressure = .init()
        record.pressure.looks = 2
        record.pressure.shedAt = moment
        record.pressure.isHeldBack = true
        record.pressure.replacedAt = moment
        record.pressure.level = 4
        record.history.unreadyStarts = 2
        record.history.ownDoingDeaths = [moment, moment + .seconds(3)]
        record.lastDeath = death
        record.text = "at work"
        record.grant = MemoryGrant(hardKB: 9, softKB: 10)
        record.isLimitOwed = true
        record.safeReason = "poison"
        record.usedKB = 11
        record.peakKB = 12
        return record
    }

    static var life: WorkerRecord.Life {
        var life = WorkerRecord.Life(startedAt: moment, liveness: Liveness(now: moment))
        life.pid = 4711
        life.readyAt = moment + .seconds(1)
        life.liveness.isSuspect = true
        return life
    }

    static var phases: [WorkerRecord.Phase] {
        let ending = WorkerRecord.Ending(reason: .left, next: .park, killAt: moment, isKilled: true, text: "slow")
        return [
            .stopped, .starting(life), .ready(life), .draining(life, ending), .backoff(until: moment),
            .quarantined(probeAt: moment), .parked, .parkedForMemory, .waiting(until: moment),
        ]
    }

    static var tree: SupervisorTree {
        var tree = SupervisorTree(seed: 99, now: moment)
        for (index, phase) in phases.enumerated() {
            if let id = WorkerID("agent:a\(index)") { tree.records.insert(record(id, phase)) }
        }
        tree.incarnationFloor = .max
        tree.safeMode.state = .safe(reason: "poison", trialAfter: .seconds(600))
        tree.totalKB = 1 << 20
        tree.reserve = MemoryShare(leastKB: 1, percent: 2, mostKB: 3)
        tree.isDivisionStale = true
        tree.isSomebodyWaiting = true
        return tree
    }

    static var plan: Plan {
        var worker = PlannedWorker(spec: spec(sidecar), userClass: .own)
        worker.killPoints = "x"
        worker.arguments = ["/bin/radio", "--fm", ""]
        worker.environment = ["A=1", "B="]
        worker.configuration = ["{\"a\":", "1}\n"]
        worker.secrets = [.init(name: "T", value: "s3cr3t%\n")]
        var settings = Plan.Settings(
            stateDirectory: "/state",
            configPath: "/state/c",
            port: "1",
            bind: "lan",
            bindText: "10.0.0.1",
            version: "v"
        )
        settings.reserve = MemoryShare(leastKB: 4, percent: 5, mostKB: 6)
        settings.logFormat = .json
        return Plan(settings: settings, listeners: [.init(name: "http", host: "::", port: 80)], workers: [worker])
    }

    static var process: UpgradeState.Process {
        var process = UpgradeState.Process(id: channel)
        process.incarnation = 42
        process.pid = 4711
        process.build = "b"
        process.group = .init(
            hardLimitBytes: 1,
            peakBytes: 2,
            limitsTasks: true,
            notices: 9,
            noticesTotal: 3,
            machineKills: 4,
            condemnedAt: 5,
            ownHits: 6,
            ownKills: 7,
            uid: 8
        )
        process.measuredAt = moment
        process.lifeline = 10
        process.input = Array("TYPE=HEARTB".utf8)
        process.outgoing = [UInt8](repeating: 0xFF, count: 40_000)
        process.output = 11
        process.outputLine.pending = [0, 255, 10]
        process.errors = 12
        process.errorsLine.isSkipping = true
        return process
    }

    static var state: UpgradeState {
        var state = UpgradeState(plan: plan)
        state.head = .init(build: "b", pid: 7, startedAt: moment, hubKey: [1, 2, 255], failure: "too\nslow")
        state.site = .init(
            runtimeDirectory: "/run/clawhold/x",
            lock: 20,
            lockFile: 21,
            control: 22,
            layout: .init(memoryV1: ["/a b", "/c:d"], unified: ["/e"], pidsV1: ["/f"]),
            users: [channel.rawValue: 7]
        )
        state.listeners = [.init(name: "http", fd: 23, port: 80, address: "::")]
        state.tree = tree
        state.processes = [process]
        state.ledger = ExitLedger([.init(id: channel, incarnation: 41, death: death)], told: 1)
        state.gone = [sidecar]
        let line = LogLine(sequence: 9, atMilliseconds: 5, worker: channel, incarnation: 42, text: "[x] y")
        state.log = .init(
            sequence: 10,
            dropped: 3,
            format: .json,
            lines: [line],
            remainders: [.init(worker: channel, bytes: [1, 2], gap: 0), .init(worker: nil, bytes: [], gap: 4)]
        )
        state.events.append(.init(atMilliseconds: 6, id: channel, incarnation: 42, text: "died"))
        let waits: [ControlClient.State] = [
            .idle, .ready(channel, after: 41), .stopped(channel), .plan, .logs(nil), .logs(channel), .events(nil),
            .events(channel), .upgrade,
        ]
        state.clients = waits.map {
            .init(fd: 30, uid: 1000, input: [1], outgoing: [2], deadline: moment, state: $0)
        }
        return state
    }
}
