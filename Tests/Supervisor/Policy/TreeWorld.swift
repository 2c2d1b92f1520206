import IPCControl

@testable import Supervisor

/// A tree under a virtual clock, with processes that exist only as numbers. What the tree asks for is done at once;
/// tests say what the processes do.
struct TreeWorld {
    var tree: SupervisorTree
    var now = Instant(nanoseconds: 1_000_000_000)
    /// Living processes.
    var alive: [WorkerID: UInt64] = [:]
    var effects: [SupervisorEffect] = []
    var nextPID: Int32 = 100
    /// Starts of these fail.
    var unstartable: Set<WorkerID> = []

    init(seed: UInt64 = 1) {
        tree = SupervisorTree(seed: seed, now: Instant(nanoseconds: 1_000_000_000))
    }

    /// Hands an event over and does what comes of it.
    mutating func happen(_ event: SupervisorEvent) {
        var events = [event]
        while !events.isEmpty {
            let next = events.removeFirst()
            for effect in tree.handle(next, at: now) {
                effects.append(effect)
                guard case .spawn(let id, let incarnation) = effect else { continue }
                if unstartable.contains(id) {
                    events.append(.spawnFailed(id, incarnation, text: "no such file"))
                } else {
                    alive[id] = incarnation
                    nextPID += 1
                    events.append(.spawned(id, incarnation, pid: nextPID))
                }
            }
        }
    }

    /// Lets time pass, ringing every deadline on the way at its moment. Ready workers keep sending heartbeats unless
    /// they are among the `silent`.
    mutating func pass(_ duration: Duration, silent: Set<WorkerID> = []) {
        let end = now + duration
        while let due = tree.nextDeadline, due <= end {
            now = max(now, due)
            for (id, incarnation) in alive where !silent.contains(id) { happen(.heartbeat(id, incarnation)) }
            happen(.tick)
        }
        now = end
        happen(.tick)
    }

    mutating func ready(_ id: WorkerID) {
        happen(.ready(id, alive[id] ?? 0))
    }

    mutating func die(_ id: WorkerID, _ death: CauseOfDeath = .plainKill) {
        guard let incarnation = alive.removeValue(forKey: id) else { return }
        happen(.exited(id, incarnation, death))
    }

    func state(_ id: WorkerID) -> WorkerPhase? { tree.status(of: id)?.state }
    func incarnation(_ id: WorkerID) -> UInt64? { tree.status(of: id)?.incarnation }

    /// The effects since the last call.
    mutating func take() -> [SupervisorEffect] {
        defer { effects = [] }
        return effects
    }
}

extension CauseOfDeath {
    static let plainKill = CauseOfDeath(cause: .signal, isOwnDoing: false, text: "killed by SIGKILL")
    static let segfault = CauseOfDeath(cause: .signal, isOwnDoing: true, text: "SIGSEGV")
    static let clean = CauseOfDeath(cause: .exit, isOwnDoing: false, text: "exited", exitCode: 0)
}

extension WorkerSpec {
    init(_ id: String, _ start: StartMode = .permanent, revision: String = "1", softKB: Int64 = 0) {
        self.init(id: .of(id), start: start, revision: revision, memory: .init(soft: .init(leastKB: softKB)))
    }

    /// A sidecar.
    static func ngrok(restart: RestartMode = .always, readySign: ReadySign? = nil) -> WorkerSpec {
        var spec = WorkerSpec("sidecar:ngrok")
        spec.restart = restart
        spec.readySign = readySign
        return spec
    }
}

extension WorkerID {
    /// A name that the test knows to be well formed.
    static func of(_ name: String) -> WorkerID {
        guard let id = WorkerID(name) else { preconditionFailure("not a worker: \(name)") }
        return id
    }
    static let gateway = of("gateway")
    static let telegram = of("channel:telegram:default")
    static let agent = of("agent:main")
    static let model = of("model:anthropic")
    static let ngrok = of("sidecar:ngrok")
}
