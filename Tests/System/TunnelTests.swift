import FoundationEssentials
import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// A real supervisor, gateway and tunnel with a fake ngrok that pyngrok accepts (`check_ngrok_fake.py`) and its edge. What
    /// is exposed is the edge's own `/control/state`; `/control/order` beside it is what must stay out of reach.
    @Suite("A tunnel through ngrok", .serialized)
    struct TunnelTests {
        private static let worker = "tunnel:ngrok"
        private static let token = "2fakeAuthtokenOfNobody"

        /// A gateway with a tunnel, its edge, and the directory that the fake lies in.
        private struct Site {
            let edge: FakeServer
            let gateway: Gateway
            let directory: String

            func end() async throws {
                #expect(try await gateway.stop() == 0, "\(gateway.process.tail())")
                try FileManager.default.removeItem(atPath: directory)
            }

            /// The worker's row once it is reachable under another address than `old`; and that address's port.
            func up(not old: UInt16 = 0, within seconds: Double = 30) async throws -> UInt16 {
                @Sendable func port(_ row: Block) -> UInt16? {
                    guard let text = row["TEXT"], text.hasPrefix("http://127.0.0.1:") else { return nil }
                    return text.split(separator: ":").last.flatMap { UInt16($0) }
                }
                let row = try await gateway.worker(TunnelTests.worker, within: seconds) { row in
                    port(row).map { $0 != old } ?? false
                }
                return try #require(port(row))
            }

            /// Returns once the worker's line contains `words`.
            @discardableResult
            func says(_ words: String, within seconds: Double = 30) async throws -> Block {
                try await gateway.worker(TunnelTests.worker, within: seconds) { $0["TEXT"]?.contains(words) == true }
            }

            var state: JSONValue { get async throws { try await edge.post("state", [:]) } }
        }

        private func start(_ behaviour: JSONValue = [:], program: String? = nil) async throws -> Site {
            let edge = try await FakeServer("tunnel_edge.py", [])
            try await edge.post("behave", behaviour)
            // Its own user has to be able to walk there.
            let directory = "/tmp/clawhold-tunnel-\(getpid())-\(UInt32.random(in: .min ... .max))"
            guard mkdir(directory, 0o755) == 0 else { throw TestFailure("mkdir \(directory)") }
            let path = "\(directory)/ngrok-\(edge.port)"
            try FileManager.default.copyItem(atPath: Place.root + "/Tests/peers/tunnel_programs.py", toPath: path)
            guard chmod(path, 0o755) == 0 else { throw TestFailure("chmod \(path)") }
            let gateway = try await Gateway.start(
                Gateway.Setup(
                    ownConfig: [
                        "tunnel": [
                            "provider": "ngrok", "authToken": .string(Self.token),
                            "command": .string(program ?? path),
                            "expose": [["path": "/control/state", "port": .integer(Int64(edge.port))]],
                        ]
                    ]
                )
            )
            return Site(edge: edge, gateway: gateway, directory: directory)
        }

        @Test("is told only when it answers end to end, lets through what is listed, and shows its token to nobody")
        func exposed() async throws {
            let site = try await start()
            let port = try await site.up()
            let listed = try await HTTP.post(port, "/control/state", [:])
            #expect(listed.status == 200)
            for path in ["/control/order", "/control/state/", "/", "/healthz", "/ws", "/control/%73tate"] {
                #expect(try await HTTP.post(port, path, ["order": "exit 1"]).status == 404, "\(path)")
            }
            let state = try await site.state
            let start = try #require(state["starts"]?[0])
            #expect(start["token"]?.string == Self.token)
            #expect(!(start["arguments"]?.text.contains(Self.token) ?? true), "\(start)")
            #expect(start["environment"]?.array.contains("OPENCLAW_GATEWAY_TOKEN") == false, "\(start)")
            let probes =
                state["requests"]?.array.filter { $0["path"]?.string?.contains("clawhold-probe=") == true } ?? []
            #expect(!probes.isEmpty, "it was proven through the edge")
            #expect(!site.gateway.process.lines.items.contains { $0.contains(Self.token) })
            try await site.end()
        }

        @Test("whose program or whose worker is killed comes back with another address; nobody else notices")
        func killed() async throws {
            let site = try await start()
            var port = try await site.up()
            let gateway = try await site.gateway.pid(of: "gateway")
            for round in 0..<4 {
                let agent = try #require(try await site.state["starts"]?.array.last?["pid"]?.integer)
                if round % 2 == 0 {
                    kill(pid_t(agent), SIGKILL)
                } else {
                    try await site.gateway.kill(Self.worker)
                }
                port = try await site.up(not: port)
                #expect(kill(pid_t(agent), 0) != 0, "round \(round): the program outlived its worker")
                #expect(try await HTTP.post(port, "/control/state", [:]).status == 200)
            }
            #expect(try await site.gateway.pid(of: "gateway") == gateway)
            try await site.end()
        }

        @Test("that changes its address by itself is followed; one that answers no more is degraded, and up again")
        func changes() async throws {
            let site = try await start()
            let first = try await site.up()
            try await site.edge.post("order", ["order": "renew"])
            let second = try await site.up(not: first)
            #expect(first != second)
            try await site.edge.post("edge", ["state": "404"])
            // A probe a minute, then three failures in a row.
            try await site.says("degraded", within: 90)
            try await site.edge.post("edge", ["state": "up"])
            _ = try await site.up(within: 60)
            try await site.end()
        }

        @Test("that may not be is parked with what to do; the gateway answers, is ready, and says what is degraded")
        func parked() async throws {
            for (behaviour, program, words) in [
                (["error": 4018], nil, "NGROK_AUTHTOKEN"), (["error": 108], nil, "another ngrok agent"),
                ([:], "/no/such/ngrok", "--build-arg NGROK=1"),
            ] as [(JSONValue, String?, String)] {
                let site = try await start(behaviour, program: program)
                let row = try await site.gateway.worker(Self.worker) { $0["STATE"] == "parked" }
                #expect(row["TEXT"]?.contains(words) == true, "\(row)")
                let ready = try await HTTP.get(site.gateway.port, "/readyz")
                #expect(ready.status == 200 && ready.text.contains(Self.worker), "\(ready.text)")
                let metrics = try await HTTP.get(site.gateway.port, "/metrics").text
                #expect(metrics.contains(#"clawhold_tunnel_up{tunnel="tunnel:ngrok"} 0"#))
                try await site.end()
            }
        }

        @Test("of an agent before --url is asked for with the older flag")
        func oldAgent() async throws {
            let site = try await start(["isOld": true])
            _ = try await site.up()
            try await site.end()
        }
    }
}
