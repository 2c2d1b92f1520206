import Glibc
import IPCControl
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// P12, P14, P18, P26 of docs/proof.md.
    @Suite("The supervisor, when things are scarce or strange", .serialized)
    struct ScarcityTests {
        /// Kills the gateway while it cannot be started again, waits for two failures, and for health once it can.
        private func scarce(_ text: String, _ gateway: Gateway, _ body: (() async throws -> Void) async throws -> Void)
            async throws
        {
            let start = gateway.process.lines.items.count
            try await body {
                let pid = ProcessFiles(pid: gateway.process.pid).children.first { pid in
                    ProcessFiles(pid: pid).commandLine.first == "clawhold: gateway"
                }
                guard let pid else { throw TestFailure("no gateway") }
                Glibc.kill(pid, SIGKILL)
                try await eventually("two failed starts\n\(gateway.process.tail())") {
                    let failures = gateway.process.lines.items[start...].filter {
                        $0.contains("could not be started") && $0.contains(text)
                    }
                    return failures.count >= 2
                }
            }
            try await gateway.healthy()
        }

        @Test(
            "out of descriptors, the next start is tried again until it succeeds; control clients wait and cost nothing"
        )
        func descriptors() async throws {
            let gateway = try await Gateway.start()
            let supervisor = ProcessFiles(pid: gateway.process.pid)
            let free = supervisor.lowestFreeDescriptor
            let path = try JSONValue(try gateway.state.read("gateway.runtime.json"))["controlSocket"]?.string ?? ""
            let waiting = try await Limit.files.lowered(of: gateway.process.pid, to: free) {
                let client = try Socket.unix(path)
                try client.write(try Block("COMMAND", ["CMD": "status"]).encoded())
                let ticks = supervisor.ticks
                // A loop that spins costs 100 ticks a second; this is the measured time itself.
                try await Task.sleep(for: .seconds(1))
                #expect(supervisor.ticks - ticks < 20, "\(supervisor.ticks - ticks) ticks")
                return client
            }
            let answer = try await blocking { try waiting.read(within: 5) }
            #expect(String(decoding: answer, as: UTF8.self).contains("TYPE=SUPERVISOR"))
            // At every later step of a start, too.
            for room in [0, 2, 4, 6] {
                try await scarce("EMFILE", gateway) { kill in
                    try await Limit.files.lowered(of: gateway.process.pid, to: free + room) {
                        try await kill()
                    }
                }
            }
            #expect(try await gateway.stop() == 0)
        }

        /// The kernel's own answer when it has no memory for a process, put into its mouth by strace.
        @Test("out of memory for a process, the next start is tried again until it succeeds")
        func memory() async throws {
            let gateway = try await Gateway.start()
            try await scarce("ENOMEM", gateway) { kill in
                let tracer = try ChildProcess(
                    [
                        "/usr/bin/strace", "-p", "\(gateway.process.pid)", "-o", "/dev/null", "-e",
                        "trace=clone,clone3",
                        "-e", "inject=clone,clone3:error=ENOMEM",
                    ]
                )
                try await tracer.line(containing: "attached")
                try await kill()
                tracer.signal(SIGINT)
                _ = try await tracer.ended()
            }
            #expect(try await gateway.stop() == 0)
        }

        @Test(
            "out of processes, the next start is tried again until it succeeds",
            .enabled(if: Machine.hasGroups(Machine.processes), "needs root and a writable v1 pids hierarchy")
        )
        func processes() async throws {
            let group = "\(Machine.processes)/clawhold-test-\(getpid())"
            #expect(mkdir(group, 0o755) == 0)
            defer { rmdir(group) }
            let enter = "echo $$ > \(group)/cgroup.procs; exec \"$@\""
            let gateway = try await Gateway.start(Gateway.Setup(wrapper: ["/bin/sh", "-c", enter, "sh"]))
            try await scarce("EAGAIN", gateway) { kill in
                try Machine.put("1", into: group + "/pids.max")
                defer { try? Machine.put("max", into: group + "/pids.max") }
                try await kill()
            }
            #expect(try await gateway.stop() == 0)
        }

        @Test("stopped for longer than a worker may be silent, it kills nobody when it goes on")
        func stoppedSupervisor() async throws {
            let gateway = try await Gateway.start(
                Gateway.Setup(ownConfig: ["sidecars": ["idle": ["command": ["/bin/sleep", "1000"]]]])
            )
            try await gateway.worker("gateway")
            let before = try await gateway.workers().mapValues { $0["PID"] }
            gateway.process.signal(SIGSTOP)
            // The length of the stop is what is tested: beyond 10 s of silence.
            try await Task.sleep(for: .seconds(Extent.of(13, full: 60)))
            gateway.process.signal(SIGCONT)
            // Beyond the second look as well.
            try await Task.sleep(for: .seconds(5))
            #expect(try await gateway.workers().mapValues { $0["PID"] } == before)
            #expect(!gateway.process.tail().contains("died"), "\(gateway.process.tail())")
            #expect(try await gateway.stop() == 0)
        }

        @Test("the gateway killed every second under load: no connect is refused")
        func killedUnderLoad() async throws {
            let gateway = try await Gateway.start()
            let port = gateway.port
            let rounds = Extent.of(8, full: 60)
            let over = Flag()
            var kills = 0
            let (served, cut) = try await withThrowingTaskGroup(of: (served: Int, cut: Int).self) { group in
                for _ in 0..<3 {
                    group.addTask { try await blocking { try Self.knock(port, until: over) } }
                }
                defer { over.raise() }
                while kills < rounds {
                    try await Task.sleep(for: .seconds(1))
                    try await gateway.worker("gateway", within: 30)
                    try await gateway.kill("gateway")
                    kills += 1
                }
                over.raise()
                return try await group.reduce((served: 0, cut: 0)) { ($0.served + $1.served, $0.cut + $1.cut) }
            }
            #expect(served > 40 * rounds, "\(served) served, \(cut) cut off by \(kills) kills")
            try await gateway.healthy()
            #expect(try await gateway.stop() == 0)
        }

        private final class Flag: Sendable {
            private let value = Atomic(false)

            var isRaised: Bool { value.load(ordering: .relaxed) }

            func raise() {
                value.store(true, ordering: .relaxed)
            }
        }

        /// Connects and asks without pause. A refused connect throws; a connection that a kill cut off is counted.
        private static func knock(_ port: UInt16, until over: Flag) throws -> (served: Int, cut: Int) {
            var (served, cut) = (0, 0)
            while !over.isRaised {
                let socket = try Socket.tcp(port)
                do {
                    try socket.write(Array("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
                    if try HTTP.answer(from: socket, 10).status == 200 { served += 1 }
                } catch {
                    cut += 1
                }
            }
            return (served, cut)
        }

        @Test("whatever is written into the control socket, it goes on answering and grows by nothing")
        func fuzzedControl() async throws {
            let gateway = try await Gateway.start()
            try await gateway.worker("gateway")
            let path = try JSONValue(try gateway.state.read("gateway.runtime.json"))["controlSocket"]?.string ?? ""
            let supervisor = ProcessFiles(pid: gateway.process.pid)
            var random = SplitMix(seed: 26)
            func round(_ count: Int) async throws {
                for _ in 0..<count {
                    let bytes = Self.noise(using: &random)
                    let reads = Bool.random(using: &random)
                    try await blocking {
                        let socket = try Socket.unix(path)
                        // A connection that is closed on us is an answer, too.
                        try? socket.write(bytes)
                        if reads { _ = try? socket.read(within: 0.02) }
                    }
                }
                try await eventually("an answer") { (try? await gateway.command("status")) != nil }
            }
            // Until the ring of its own log lines is full, which is the one thing that may grow.
            var memory = supervisor.privateKB
            for _ in 0..<6 {
                try await round(500)
                let before = memory
                memory = supervisor.privateKB
                if memory - before <= 4 { break }
            }
            let descriptors = supervisor.descriptors.count
            try await round(Extent.of(1500, full: 50_000))
            #expect(supervisor.privateKB - memory <= 64, "\(memory) KiB became \(supervisor.privateKB)")
            try await eventually("the descriptors are closed") { supervisor.descriptors.count <= descriptors }
            #expect(try await gateway.workers()["gateway"]?["INCARNATION"] == "1")
            #expect(try await gateway.stop() == 0)
        }

        /// Random bytes, or a command with some of its bytes changed, cut, doubled or left without an end.
        private static func noise(using random: inout SplitMix) -> [UInt8] {
            let commands = [
                "TYPE=COMMAND\nCMD=status\n\n", "TYPE=COMMAND\nCMD=ps\n\n", "TYPE=COMMAND\nCMD=logs\nLINES=-1\n\n",
                "TYPE=COMMAND\nCMD=logs\nLINES=99999999999999999999\nFOLLOW=1\n\n", "TYPE=COMMAND\nCMD=events\n\n",
                "TYPE=COMMAND\nCMD=reset\nID=%00%zz\n\n", "TYPE=HEARTBEAT\nPSS_KB=1\n\n", "=\n=\n\n", "\n\n\n\n",
                "TYPE=COMMAND\nCMD=reset\nID=agent:main\n\n",
            ]
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                return (0..<Int.random(in: 0..<200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            case 1: return [UInt8](repeating: UInt8(ascii: "A"), count: Int.random(in: 0..<100_000, using: &random))
            default:
                var bytes = Array((commands.randomElement(using: &random) ?? "").utf8)
                for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[at] = .random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: at)
                    case 2: bytes.insert(.random(in: 0...255, using: &random), at: at)
                    default: bytes += bytes[at...]
                    }
                }
                return bytes
            }
        }
    }
}
