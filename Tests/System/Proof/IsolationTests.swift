import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// Seven faults in every kind of worker: the neighbours keep their process and their sockets, every time.
    @Suite("A fault stays where it is", .serialized)
    struct IsolationTests {
        @Test("at once: SEGV, KILL, exit 1, a trap, in each kind of worker", arguments: Isolation.everyKind)
        func quick(_ victim: String) async throws {
            let scene = try await Isolation.scene()
            for _ in 0..<Extent.of(2, full: 20) {
                for fault in Isolation.Fault.quick where fault.canHit(victim) {
                    let before = try await scene.snapshot()
                    try await scene.inflict(fault, on: victim)
                    try await scene.replaced(victim, before, within: 20)
                    try await scene.expectUntouched(but: [victim], before, "\(fault) in \(victim)")
                    try await scene.restore()
                }
            }
            #expect(try await scene.world.gateway.stop() == 0)
        }

        /// Silence is found after ten seconds; so that it costs that only once, all workers are hit together, and only
        /// whoever is not hit has to stay: the sidecar, and in turn each of the others.
        @Test(
            "found by the watchdog: an endless loop, SIGSTOP, no descriptor left",
            arguments: Isolation.Fault.slow,
            ["gateway", "channel:telegram:default"]
        )
        func slow(_ fault: Isolation.Fault, sparing spared: String) async throws {
            let scene = try await Isolation.scene()
            for _ in 0..<Extent.of(1, full: 20) {
                let victims = Isolation.ours.filter { $0 != spared && fault.canHit($0) }
                let before = try await scene.snapshot()
                for victim in victims { try await scene.inflict(fault, on: victim) }
                for victim in victims { try await scene.replaced(victim, before, within: 30) }
                try await scene.expectUntouched(but: Set(victims), before, "\(fault) in \(victims)")
                try await scene.restore()
            }
            #expect(try await scene.world.gateway.stop() == 0)
        }
    }
}

/// The stage for faults: a gateway with one worker of every kind.
enum Isolation {
    static let ours = ["gateway", World.agentWorker, World.telegramWorker, World.modelWorker]
    static let everyKind = ours + ["sidecar:idle"]

    enum Fault: String, Sendable, CustomTestStringConvertible {
        case segv, kill, exit, trap, loop, stop, exhaust
        static let quick: [Fault] = [.segv, .kill, .exit, .trap]
        static let slow: [Fault] = [.loop, .stop, .exhaust]
        var testDescription: String { rawValue }

        /// What goes on inside needs a tracer that knows the machine.
        var isInjected: Bool { self != .kill && self != .stop }

        func canHit(_ victim: String) -> Bool {
            #if arch(x86_64)
                return Machine.isRoot || !isInjected
            #else
                return !isInjected
            #endif
        }
    }

    static func scene() async throws -> Scene {
        let world = try await World.start { setup in
            setup.ownConfig = ["sidecars": ["idle": ["command": ["/bin/sleep", "100000"]]]]
        }
        _ = try await world.ask("hello")
        return Scene(
            world: world,
            client: try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
        )
    }

    /// Who lives, and with which sockets to the supervisor and the outside.
    struct Snapshot: Sendable {
        var pids: [String: pid_t] = [:]
        var sockets: [String: Set<String>] = [:]
    }

    struct Scene: Sendable {
        var world: World
        var client: WebSocketClient

        func snapshot() async throws -> Snapshot {
            var snapshot = Snapshot()
            for id in Isolation.everyKind {
                let pid = try await world.gateway.pid(of: id)
                snapshot.pids[id] = pid
                snapshot.sockets[id] = ProcessFiles(pid: pid).shareable
            }
            return snapshot
        }

        func inflict(_ fault: Fault, on victim: String) async throws {
            let pid = try await world.gateway.pid(of: victim)
            switch fault {
            case .kill: Glibc.kill(pid, SIGKILL)
            case .stop: Glibc.kill(pid, SIGSTOP)
            case .segv, .exit, .trap, .loop, .exhaust:
                let arguments = ["/usr/bin/python3", Place.root + "/Tests/peers/inject.py", fault.rawValue, "\(pid)"]
                let tracer = try ChildProcess(arguments)
                guard try await tracer.ended() == 0 else {
                    throw TestFailure("no \(fault) in \(victim): \(tracer.tail())")
                }
            }
        }

        func replaced(_ victim: String, _ before: Snapshot, within seconds: Double) async throws {
            let old = before.pids[victim].map { "\($0)" } ?? ""
            let isOnDemand = victim.hasPrefix("agent:") || victim.hasPrefix("model:")
            try await world.gateway.worker(victim, within: seconds) { row in
                // An on-demand worker that exits by itself without anything to do may stay away.
                guard row["PID"] != old else { return false }
                return row["STATE"] == "ready" || (isOnDemand && row["STATE"] == "stopped")
            }
        }

        /// Everybody else has the same process and every socket that does not lead to a victim.
        func expectUntouched(but victims: Set<String>, _ before: Snapshot, _ what: String) async throws {
            for id in Isolation.everyKind where !victims.contains(id) {
                let pid = try await world.gateway.pid(of: id)
                #expect(pid == before.pids[id], "\(what): \(id) was replaced\n\(world.gateway.process.tail())")
                let (old, now) = (before.sockets[id] ?? [], ProcessFiles(pid: pid).shareable)
                // Its streams and its lifeline; and, while the gateway lives, its link to it too. The gateway loses the
                // links of those who died. A poll of Telegram may have come to its end by itself.
                let lost = old.subtracting(now)
                switch id {
                case "gateway": #expect(lost.count <= 3 * victims.count, "\(what): \(id) lost \(lost)")
                case World.telegramWorker:
                    #expect(lost.count <= (victims.contains("gateway") ? 3 : 2), "\(what): \(lost)")
                default: #expect(lost.count <= (victims.contains("gateway") ? 2 : 0), "\(what): \(id) lost \(lost)")
                }
            }
            guard !victims.contains("gateway") else { return }
            let health = try await client.request("health")
            #expect(health["ok"] == true, "\(what): the same connection still answers")
        }

        /// Everybody is ready again and forgiven, so that the next trial meets the same scene.
        func restore() async throws {
            for id in Isolation.everyKind { try await world.gateway.command("reset", id: id) }
            for id in Isolation.everyKind {
                if try await world.gateway.workers()[id]?["STATE"] != "ready" {
                    try await world.gateway.command("start", id: id)
                }
                try await world.gateway.worker(id, within: 30)
            }
            try await world.gateway.healthy()
        }
    }
}
