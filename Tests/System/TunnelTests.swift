import FoundationEssentials
import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// A real supervisor, gateway and tunnel with a fake ngrok that pyngrok accepts (`check_ngrok_fake.py`) and its edge.
    @Suite("A tunnel through ngrok", .serialized)
    struct TunnelTests {
        private static let worker = "tunnel:ngrok"
        private static let token = TunnelEdge.token

        /// A gateway with a tunnel, and its edge.
        private struct Site {
            let edge: TunnelEdge
            let gateway: Gateway

            func end() async throws {
                #expect(try await gateway.stop() == 0, "\(gateway.process.tail())")
            }

            /// The port of the address that it is reachable under, another than `old`.
            func up(not old: UInt16 = 0, within seconds: Double = 60) async throws -> UInt16 {
                let before = old == 0 ? "" : "http://127.0.0.1:\(old)"
                let url = try await edge.up(TunnelTests.worker, gateway, not: before, within: seconds)
                return try #require(url.split(separator: ":").last.flatMap { UInt16($0) })
            }

            /// Returns once the worker's line contains `words`.
            @discardableResult
            func says(_ words: String, within seconds: Double = 30) async throws -> Block {
                try await gateway.worker(TunnelTests.worker, within: seconds) { $0["TEXT"]?.contains(words) == true }
            }

            var state: JSONValue { get async throws { try await edge.state } }
        }

        private func start(_ behaviour: JSONValue = [:], program: String? = nil) async throws -> Site {
            let edge = try await TunnelEdge()
            try await edge.server.post("behave", behaviour)
            let tunnel = try edge.tunnel("ngrok", program.map { ["command": .string($0)] } ?? [:])
            return Site(edge: edge, gateway: try await Gateway.start(Gateway.Setup(ownConfig: ["tunnel": tunnel])))
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

        @Test("whose program and then whose worker is killed at any moment leaves everybody else alone")
        func anyMoment() async throws {
            for round in 0..<Extent.of(2, full: 20) {
                let edge = try await TunnelEdge()
                let tunnel = try edge.tunnel("ngrok")
                let world = try await World.start { $0.ownConfig = ["tunnel": tunnel] }
                let gateway = world.gateway
                let others = ["gateway", World.telegramWorker]
                for id in others { try await gateway.worker(id) }
                var before: [pid_t] = []
                for id in others { before.append(try await gateway.pid(of: id)) }
                let client = try await WebSocketClient.connected(to: gateway.port, token: Gateway.token)
                try await eventually("no program was started") { try await !edge.starts.isEmpty }
                // Any moment: while it starts, is proven, or is up.
                try await Task.sleep(for: .milliseconds(.random(in: 0...1500)))
                let program = try #require(try await edge.starts.last?["pid"]?.integer)
                kill(pid_t(program), SIGKILL)
                try await Task.sleep(for: .milliseconds(.random(in: 0...3000)))
                let killed = try await edge.starts.compactMap { $0["pid"]?.integer }
                try await gateway.kill(Self.worker)
                try await eventually(within: 60, "round \(round): it was not started again") {
                    try await edge.starts.count > killed.count
                }
                // A probe of the killed worker may have come back, so what counts is that it answers now.
                try await eventually(within: 60, "round \(round): no address answers") {
                    for session in try await edge.state["sessions"]?.array ?? [] {
                        guard let pid = session["pid"]?.integer, !killed.contains(pid) else { continue }
                        guard let port = session["url"]?.string?.split(separator: ":").last.flatMap({ UInt16($0) })
                        else {
                            continue
                        }
                        // Closed under the question: asked again.
                        if let answer = try? await HTTP.post(port, "/control/state", [:]), answer.status == 200 {
                            return true
                        }
                    }
                    return false
                }
                for pid in killed { #expect(kill(pid_t(pid), 0) != 0, "round \(round): a program outlived its worker") }
                for (id, pid) in zip(others, before) {
                    #expect(try await gateway.pid(of: id) == pid, "round \(round): \(id)")
                }
                #expect(try await client.request("health")["ok"]?.bool == true, "the same connection")
                #expect(try await world.ask("round-\(round)").contains("round-\(round)"))
                #expect(try await gateway.stop() == 0)
            }
        }

        @Test("that changes its address by itself is followed; one that answers no more is degraded, and up again")
        func changes() async throws {
            let site = try await start()
            let first = try await site.up()
            try await site.edge.server.post("order", ["order": "renew"])
            let second = try await site.up(not: first)
            #expect(first != second)
            try await site.edge.server.post("edge", ["state": "404"])
            // A probe a minute, then three failures in a row.
            try await site.says("degraded", within: 90)
            try await site.edge.server.post("edge", ["state": "up"])
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
