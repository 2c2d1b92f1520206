import FoundationEssentials
import Glibc
import IPCControl
import Testing

extension SystemTests {
    @Suite("Foreign programs of clawhold.json", .serialized)
    struct SidecarTests {
        private func start(_ sidecars: JSONValue, _ environment: [String: String] = [:]) async throws -> Gateway {
            try await Gateway.start(
                Gateway.Setup(ownConfig: ["sidecars": sidecars], environment: environment)
            )
        }

        private func shell(_ script: String) -> JSONValue { ["/bin/sh", "-c", .string(script)] }

        /// What the command line prints for these words, and its exit status.
        private func type(_ gateway: Gateway, _ words: String...) async throws -> (status: Int32, lines: [String]) {
            let child = try ChildProcess(
                [try Place.executable()] + words + ["--state-dir", gateway.state.path],
                environment: ["PATH": "/usr/bin:/bin", "TZ": "UTC"]
            )
            let status = try await child.ended(within: 60)
            return (status, child.lines.items)
        }

        @Test("one is ready at its line, one at its port, one at once; each has its own variables and nothing else")
        func ready() async throws {
            let port = try Socket.freePort()
            let listen =
                "import socket,time; time.sleep(0.3); s = socket.create_server(('127.0.0.1', \(port))); time.sleep(1000)"
            let gateway = try await start(
                [
                    "line": [
                        "command": shell("env | sort; echo 'listening now'; exec sleep 1000"),
                        "env": ["COLOUR": "blue", "API_TOKEN": "${TUNNEL_TOKEN}"],
                        "ready": ["line": "listening"],
                    ],
                    "port": [
                        "command": ["/usr/bin/python3", "-c", .string(listen)],
                        "ready": ["port": .integer(Int64(port))],
                    ],
                    "plain": ["command": "sleep '1000'"],
                    "mute": ["command": "sleep 1000", "ready": ["line": "never said"]],
                ],
                ["TUNNEL_TOKEN": "sesame-sesame", "NOTIFY_SOCKET": "/nowhere", "UNRELATED": "x"]
            )
            for name in ["line", "port", "plain"] { try await gateway.worker("sidecar:\(name)") }
            #expect(try await gateway.workers()["sidecar:mute"]?["STATE"] == "starting")
            let said = gateway.process.lines.items.filter { $0.contains("[line] ") }
            #expect(said.contains { $0.hasSuffix("COLOUR=blue") })
            #expect(said.contains { $0.hasSuffix("API_TOKEN=[redacted]") }, "\(said)")
            let names = said.compactMap { line -> String? in
                guard let text = line.split(separator: "] ", maxSplits: 1).last, text.contains("=") else { return nil }
                return String(text.prefix { $0 != "=" })
            }
            #expect(
                Set(names).subtracting(["PWD", "OLDPWD", "SHLVL", "_"]) == [
                    "API_TOKEN", "COLOUR", "HOME", "PATH", "TZ",
                ]
            )
            #expect(!gateway.process.lines.items.contains { $0.contains("sesame") })
            #expect(try await gateway.stop() == 0)
        }

        @Test("restart: always comes back, on-failure only after a failure, never not at all")
        func restart() async throws {
            let gateway = try await start([
                "always": ["command": "sleep 0.2"],
                "good": ["command": "true", "restart": "on-failure"],
                "bad": ["command": shell("sleep 0.2; exit 3"), "restart": "on-failure"],
                "once": ["command": shell("exit 3"), "restart": "never"],
                "done": ["command": "true", "restart": "never"],
            ])
            for name in ["always", "bad"] {
                try await gateway.worker("sidecar:\(name)") { ($0.integer("INCARNATION") ?? 0) >= 3 }
            }
            for (name, state) in [("good", "stopped"), ("once", "parked"), ("done", "stopped")] {
                let row = try await gateway.worker("sidecar:\(name)") { $0["STATE"] == state }
                #expect(row["INCARNATION"] == "1" && row["CAUSE"] == "exit", "\(row)")
            }
            let ready = try await HTTP.get(gateway.port, "/readyz")
            let body = ready.text
            #expect(!body.contains("sidecar:good") && body.contains("sidecar:once is parked: exit code 3"), "\(body)")
            let (status, lines) = try await type(gateway, "start", "once")
            #expect(status == 0, "it is ready as soon as it runs: \(lines)")
            try await gateway.worker("sidecar:once") { $0["INCARNATION"] == "2" && $0["STATE"] == "parked" }
            #expect(try await gateway.stop() == 0)
        }

        @Test("a crash loop is seen on the command line: back-off with the next try, then quarantine; reset ends it")
        func crashLoop() async throws {
            let gate = "/tmp/clawhold-sidecar-\(getpid())-\(UInt32.random(in: .min ... .max))"
            defer { unlink(gate) }
            let script = "test -e \(gate) && echo tunnel is up && exec sleep 1000; echo no luck; exit 3"
            let gateway = try await start(["loop": ["command": shell(script), "ready": ["line": "is up"]]])
            let waiting = try await gateway.worker("sidecar:loop") { $0["STATE"] == "backoff" }
            #expect((waiting.integer("NEXT_MS") ?? 0) > (waiting.integer("SINCE_MS") ?? .max), "\(waiting)")
            #expect(waiting["DEATH"] == "exit code 3" && waiting["TEXT"] == nil, "\(waiting)")
            try await gateway.worker("sidecar:loop", within: 30) { $0["STATE"] == "quarantined" }
            let rows = try JSONValue(Array(try await type(gateway, "ps", "--json").lines.joined().utf8))
            guard let row = rows.array.first(where: { $0["id"]?.string == "sidecar:loop" }) else {
                throw TestFailure("no row in \(rows.text)")
            }
            #expect(row["state"]?.string == "quarantined" && row["lastDeath"]?["text"]?.string == "exit code 3")
            #expect((row["nextTryMs"]?.integer ?? 0) > (row["sinceMs"]?.integer ?? .max))
            let status = try await type(gateway, "status").lines
            #expect(
                status.contains { $0.hasPrefix("sidecar:loop is quarantined: died ") && $0.contains("next try in") }
            )
            #expect(status.contains { $0.hasSuffix("clawhold reset sidecar:loop") })
            #expect(try await type(gateway, "reset", "loop").status == 1, "it still has no luck")
            #expect(FileManager.default.createFile(atPath: gate, contents: nil))
            let (code, lines) = try await type(gateway, "reset", "loop")
            #expect(code == 0 && lines.first?.contains("its failures are forgotten") == true, "\(lines)")
            try await gateway.worker("sidecar:loop")
            let events = try await type(gateway, "events", "loop").lines
            #expect(events.contains { $0.contains("sidecar:loop#5 died: exit code 3; quarantined") }, "\(events)")
            #expect(try await type(gateway, "restart", "lop").status == 2)
            #expect(try await gateway.stop() == 0)
        }

        @Test("top on a terminal shows the workers and leaves the terminal as it was")
        func top() async throws {
            let gateway = try await start(["plain": ["command": "sleep 1000"]])
            try await gateway.worker("sidecar:plain")
            let command = "\(try Place.executable()) top -n 2 -i 0.2 --state-dir \(gateway.state.path)"
            let child = try ChildProcess(
                ["/usr/bin/script", "-qec", "stty cols 80 rows 24; stty -a; \(command); stty -a", "/dev/null"],
                environment: ["PATH": "/usr/bin:/bin", "TERM": "xterm", "TZ": "UTC", "NO_COLOR": "1"]
            )
            #expect(try await child.ended(within: 30) == 0)
            let text = child.lines.items.joined(separator: "\n")
            #expect(text.contains("\u{1B}[?1049h") && text.contains("\u{1B}[?25h\u{1B}[?1049l"))
            #expect(text.contains("sidecar:plain") && text.contains("q quit"))
            let settings = child.lines.items.filter { $0.contains("icanon") }
            #expect(settings.count == 2 && settings.allSatisfy { !$0.contains("-icanon") }, "\(settings)")
            #expect(try await gateway.stop() == 0)
        }
    }
}
