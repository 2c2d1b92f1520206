import FoundationEssentials
import Glibc
import IPCControl
import TestSupport
import Testing

extension SystemTests {
    @Suite("What dies, dies alone", .serialized)
    struct SurvivalTests {
        @Test("after kill -9 of the supervisor, also with a stopped worker, the next start is as quick as any")
        func supervisorKilled() async throws {
            var clean: [Duration] = []
            for _ in 0..<3 {
                let state = try StateDirectory()
                let (gateway, took) = try await timedStart(state, try Socket.freePort())
                clean.append(took)
                #expect(try await gateway.stop() == 0)
            }
            let state = try StateDirectory()
            let port = try Socket.freePort()
            var (gateway, _) = try await timedStart(state, port)
            var again: [Duration] = []
            for round in 0..<4 {
                try await gateway.worker("gateway")
                if round % 2 == 1 { Glibc.kill(try await gateway.pid(of: "gateway"), SIGSTOP) }
                gateway.process.signal(SIGKILL)
                #expect(try await gateway.process.ended() == -SIGKILL)
                let locks = try FileManager.default.contentsOfDirectory(atPath: state.path).filter {
                    $0.hasSuffix(".lock")
                }
                #expect(!locks.isEmpty, "the lock file is still there")
                let (next, took) = try await timedStart(state, port)
                gateway = next
                again.append(took)
            }
            let (best, slowest) = (clean.min() ?? .zero, again.min() ?? .zero)
            #expect(slowest < best + .milliseconds(100), "clean starts \(clean), after kill -9 \(again)")
        }

        /// Starts a gateway and says how long it took until it listened.
        private func timedStart(_ state: StateDirectory, _ port: UInt16) async throws -> (Gateway, Duration) {
            let began = ContinuousClock.now
            let gateway = try Gateway.launch(in: state, port: port)
            try await gateway.process.line(containing: "listening on ws://")
            return (gateway, ContinuousClock.now - began)
        }

        @Test("a worker that takes ten times its budget dies alone; port, clients and the other workers stay")
        func hog() async throws {
            let telegram = try await BotAPI()
            let model = try await ModelFake()
            var setup = World.setup(telegram: telegram.root, model: model.root)
            // Sleeps until its standard streams are ready, then takes 320 MB page by page.
            let hog =
                "import time; print('hog starts', flush=True); b = []\nfor _ in range(320): b.append(bytearray(b'x') * (1 << 20))"
            setup.ownConfig = [
                "sidecars": [
                    "hog": ["command": ["/usr/bin/python3", "-c", .string(hog)], "memory": ["soft": 24, "hard": 32]]
                ]
            ]
            let gateway = try await Gateway.start(setup)
            try await gateway.worker(World.telegramWorker)
            let client = try await WebSocketClient.connected(to: gateway.port, token: Gateway.token)
            let before = try await pids(gateway)
            let row = try await gateway.worker("sidecar:hog", within: 40) {
                ["oom-own", "allocation"].contains($0["CAUSE"])
            }
            #expect((row.integer("HARD_KB") ?? 0) <= 32 * 1024, "\(row)")
            #expect((row.integer("PEAK_KB") ?? 0) < 64 * 1024, "it was stopped near its budget: \(row)")
            #expect(try await pids(gateway) == before)
            #expect(try await client.request("health")["ok"] == true, "the same connection still answers")
            #expect(try await gateway.stop() == 0)
        }

        /// The pids of all workers but the hog.
        private func pids(_ gateway: Gateway) async throws -> [String: String] {
            try await gateway.workers().filter { $0.key != "sidecar:hog" }.compactMapValues { $0["PID"] }
        }

        @Test("as PID 1 it reaps a thousand orphans and TERM stops it")
        func initProcess() async throws {
            let orphans =
                "i=0; while [ $i -lt 1000 ]; do (true &); i=$((i+1)); done; echo made all orphans; exec sleep 1000"
            let setup = Gateway.Setup(
                ownConfig: ["sidecars": ["orphans": ["command": ["/bin/sh", "-c", .string(orphans)]]]],
                wrapper: ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc"]
            )
            let gateway = try await Gateway.start(setup)
            try await gateway.process.line(containing: "(PID 1)")
            try await gateway.process.line(containing: "made all orphans", within: 30)
            guard let supervisor = ProcessTable.children(of: gateway.process.pid).first else {
                throw TestFailure("unshare has no child")
            }
            let deadline = ContinuousClock.now + .seconds(10)
            while ProcessTable.zombies(below: supervisor) > 0 {
                guard ContinuousClock.now < deadline else { throw TestFailure("zombies stay") }
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(ProcessTable.children(of: supervisor).count < 20)
            try await gateway.healthy()
            Glibc.kill(supervisor, SIGTERM)
            #expect(try await gateway.process.ended() == 0)
        }

        @Test("two hundred connections that queue while the gateway restarts are all served")
        func queuedConnections() async throws {
            let gateway = try await Gateway.start()
            let pid = try await gateway.pid(of: "gateway")
            // A stopped gateway accepts nothing, so every connection is in the kernel's queue when it is killed.
            Glibc.kill(pid, SIGSTOP)
            try await eventually("the gateway stands still") { ProcessFiles(pid: pid).isStopped }
            let port = gateway.port
            // In one go on one thread: the watchdog gives a gateway that stands still ten seconds.
            let (sockets, took) = try await blocking {
                let began = ContinuousClock.now
                let sockets = try (0..<200).map { _ in
                    let socket = try Socket.tcp(port)
                    try socket.write(Array("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
                    return socket
                }
                Glibc.kill(pid, SIGKILL)
                return (sockets, ContinuousClock.now - began)
            }
            // A queue that is too short drops the handshake, and the client tries again after a second.
            #expect(took < .milliseconds(900), "the queue is shorter than 200")
            let statuses = try await blocking { try sockets.map { try HTTP.answer(from: $0, 20).status } }
            #expect(statuses.count == 200 && statuses.allSatisfy { $0 == 200 })
            #expect(try await gateway.pid(of: "gateway") != pid)
            #expect(try await gateway.workers()["gateway"]?["CAUSE"] == "signal", "our kill, not the watchdog's")
        }

        @Test("twenty random kills of each kind of process: every message is answered, none twice without a mark")
        func randomKills() async throws {
            let world = try await World.start()
            var random = SplitMix(seed: 2)
            try await world.model.control("pace", ["seconds": 0.002])
            for round in 0..<20 {
                for victim in ["gateway", World.telegramWorker, World.agentWorker, World.modelWorker] {
                    let word = "word-\(round)-\(victim.count)-end"
                    try await world.telegram.write("use session_status \(word)", chat: World.chat)
                    // The moment is the point of this test: anywhere in the turn.
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<120, using: &random)))
                    if let pid = try? await world.gateway.pid(of: victim) { Glibc.kill(pid, SIGKILL) }
                    let deadline = ContinuousClock.now + .seconds(60)
                    while try await world.answers(to: "\(word) (after").isEmpty {
                        let count = try await world.telegram.sent(from: 0, within: 0).count
                        guard ContinuousClock.now < deadline else {
                            throw TestFailure("no answer to \(word):\n\(world.gateway.process.tail(120))")
                        }
                        _ = try await world.telegram.sent(from: count, within: 5)
                    }
                }
            }
            #expect(try await world.gateway.stop() == 0)
            // A round ends when Telegram has the answer, which may be before the journal knows: the next round's kill of
            // the channel can then repeat it. So whoever was killed, a repeated answer must be a marked one.
            let marked = try await world.markedTexts()
            for round in 0..<20 {
                for victim in ["gateway", World.telegramWorker, World.agentWorker, World.modelWorker] {
                    let word = "word-\(round)-\(victim.count)-end"
                    let answers = try await world.answers(to: "\(word) (after").count
                    let isMarked = marked.contains { $0.contains("\(word) (after") }
                    #expect(
                        answers == 1 || (answers == 2 && isMarked),
                        "\(word): \(answers) answers, marked: \(isMarked)"
                    )
                    #expect(try world.transcript("user", containing: word).count == 1)
                }
            }
        }
    }
}

/// Who descends from whom, out of /proc.
enum ProcessTable {
    private struct Entry {
        var pid: pid_t
        var parent: pid_t
        var state: Character
    }

    static func children(of pid: pid_t) -> [pid_t] { entries().filter { $0.parent == pid }.map(\.pid) }

    static func zombies(below pid: pid_t) -> Int { entries().filter { $0.parent == pid && $0.state == "Z" }.count }

    private static func entries() -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), let data = try? Data(contentsOf: URL(filePath: "/proc/\(name)/stat")) else {
                return nil
            }
            let text = String(decoding: data, as: UTF8.self)
            // The name in parentheses may hold anything; what follows its end does not.
            guard let end = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 1, let parent = pid_t(fields[1]), let state = fields[0].first else { return nil }
            return Entry(pid: pid, parent: parent, state: state)
        }
    }
}
