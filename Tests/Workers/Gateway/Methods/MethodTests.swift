internal import Config
internal import NIOCore
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("Methods over real sockets")
struct MethodTests {
    @Test("every method that hello names exists, and what it does not name does not")
    func features() async throws {
        try await EdgeBench.run { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let hello = try await client.hello()
            let items = try #require(hello["payload"]?["features"]?["methods"]?.items)
            let names = items.compactMap(\.text)
            #expect(names.count > 10)
            for name in names {
                let answer = try await client.ask(name, .object([]))
                #expect(answer["error"]?["message"]?.text?.hasPrefix("unknown method") != true, "\(name)")
            }
            #expect(
                try await client.ask("config.get")["error"] == [
                    "code": "INVALID_REQUEST", "message": "unknown method: config.get",
                ]
            )
        }
    }

    @Test("scopes: read reads, write also reads, only admin restarts workers, a node may do nothing")
    func scopes() async throws {
        try await EdgeBench.run {
            $0.rows = [WorkerRow(id: "agent:main", kind: "agent")]
        } _: { bench in
            let reader = try await bench.client(scopes: ["operator.read"])
            #expect(try await reader.ask("health")["ok"] == true)
            try await reader.send(chatSend("k", id: "s"))
            #expect(
                try await reader.answer("s")["error"] == [
                    "code": "INVALID_REQUEST", "message": "missing scope: operator.write",
                ]
            )
            let writer = try await bench.client(scopes: ["operator.write"])
            #expect(try await writer.ask("sessions.list")["ok"] == true)
            let refused = try await writer.ask("workers.restart", ["id": "agent:main"])
            #expect(refused["error"]?["message"] == "missing scope: operator.admin")
            #expect(bench.restarts.ids.withLock { $0 }.isEmpty)
            let nobody = try await bench.client(scopes: ["something.else"])
            #expect(try await nobody.ask("health")["error"]?["message"] == "missing scope: operator.read")

            let node = try await TestClient.connect(port: bench.port, group: bench.group)
            var params = TestClient.connectParams(id: "openclaw-ios", mode: "node").members ?? []
            params.append(.init(name: "role", value: "node"))
            #expect(try await node.ask("connect", .object(params))["ok"] == true)
            #expect(try await node.ask("health")["error"]?["message"] == "unauthorized role: node")
        }
    }

    @Test("chat events do not go to who may not read")
    func eventScopes() async throws {
        try await EdgeBench.run {
            $0.limits.tick = .milliseconds(30)
        } _: { bench in
            let reader = try await bench.client(scopes: ["operator.read"])
            let other = try await bench.client(scopes: ["operator.approvals"])
            bench.engine.emit(.failed(Run(id: "R", sessionKey: "main"), sentence: "s"))
            _ = try await reader.event("chat")
            _ = try await other.event("tick")
            _ = try await other.event("tick")
            #expect(
                !other.arrivals.contains { arrival in
                    guard case .frame(let frame) = arrival else { return false }
                    return frame["event"] == "chat" || frame["event"] == "agent"
                }
            )
        }
    }

    @Test("workers.restart asks the supervisor for workers that exist, and names those that do not")
    func restart() async throws {
        try await EdgeBench.run {
            $0.rows = [WorkerRow(id: "agent:main", kind: "agent")]
        } _: { bench in
            let client = try await bench.client()
            #expect(
                try await client.ask("workers.restart", ["id": "agent:main"])["payload"] == [
                    "ok": true, "id": "agent:main",
                ]
            )
            let unknown = try await client.ask("workers.restart", ["id": "agent:x"])
            #expect(unknown["error"]?["message"] == #"no worker "agent:x": workers.list has the names"#)
            #expect(bench.restarts.ids.withLock { $0 } == ["agent:main"])
        }
    }

    @Test("whoever asked for the worker table is told of changes, gathered, others are not")
    func workersEvent() async throws {
        try await EdgeBench.run {
            $0.rows = [WorkerRow(id: "agent:main", kind: "agent")]
            $0.limits.workers = .milliseconds(20)
            $0.limits.tick = .milliseconds(100)
        } _: { bench in
            let watcher = try await bench.client()
            let other = try await bench.client()
            let list = try await watcher.ask("workers.list")
            #expect(list["payload"]?["workers"]?.items?.first?["id"] == "agent:main")
            bench.engine.state.withLock { $0.rows[0].memoryKB = 77 }
            for _ in 0..<50 { bench.engine.emit(.workersChanged) }
            let event = try await watcher.event("workers")
            #expect(event["payload"]?["workers"]?.items?.first?["memoryKb"] == 77)
            _ = try await watcher.event("tick")
            _ = try await other.event("tick")
            for client in [watcher, other] {
                #expect(
                    !client.arrivals.contains { arrival in
                        guard case .frame(let frame) = arrival else { return false }
                        return frame["event"] == "workers"
                    }
                )
            }
        }
    }

    @Test("presence lists the gateway and clients but not the command line, and tells when somebody goes")
    func presence() async throws {
        try await EdgeBench.run { bench in
            let page = try await bench.client(id: "webchat-ui", mode: "webchat")
            let cli = try await bench.client(id: "cli", mode: "cli")
            let list = try #require(try await page.ask("system-presence", .object([]))["payload"]?.items)
            #expect(list.map { $0["mode"]?.text } == ["gateway", "webchat"])
            #expect(list.allSatisfy { $0["ts"]?.whole != nil })
            let guest = try await bench.client(id: "openclaw-macos", mode: "ui")
            try await guest.close()
            let event = try await page.event("presence")
            #expect(event["stateVersion"]?["presence"]?.whole ?? 0 > 1)
            let gone = event["payload"]?["presence"]?.items?.first { $0["host"] == "openclaw-macos" }
            #expect(gone?["reason"] == "disconnect")
            _ = cli
        }
    }

    @Test("channels.status has the workers that nobody wrote down, too, and WebChat alone when there are none")
    func channels() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            let empty = try await client.ask("channels.status", ["probe": false, "timeoutMs": 8000])
            #expect(empty["payload"]?["channelOrder"] == ["webchat"])
            var parked = WorkerRow(id: "channel:discord:work", kind: "channel")
            parked.state = "parked"
            parked.cause = "fatal"
            parked.death = "the token was refused"
            parked.diedMilliseconds = 1_700_000_000_000
            var ready = WorkerRow(id: "channel:telegram:default", kind: "channel")
            ready.state = "ready"
            let rows = [
                parked, ready, WorkerRow(id: "channel:telegram:alpha", kind: "channel"),
                WorkerRow(id: "agent:main", kind: "agent"),
            ]
            bench.engine.state.withLock { $0.rows = rows }
            let payload = try #require(try await client.ask("channels.status", .object([]))["payload"])
            #expect(payload["channelOrder"] == ["telegram", "discord", "webchat"])
            #expect(payload["channelLabels"]?["telegram"] == "Telegram")
            #expect(
                payload["channelAccounts"]?["telegram"]?.items?.map { $0["accountId"]?.text } == ["default", "alpha"]
            )
            #expect(payload["channels"]?["telegram"]?["running"] == true)
            #expect(
                payload["channelAccounts"]?["discord"]?.items?.first?["lastError"] == "the token was refused"
            )
            #expect(try await client.ask("health")["payload"]?["degraded"]?.items?.isEmpty == false)
        }
    }

    @Test("agents, their identity and the models that the configuration names")
    func agents() async throws {
        try await EdgeBench.run {
            var main = AgentRoute(id: "main")
            main.name = "Claudia"
            main.model.primary = ModelRef(model: "anthropic/claude-opus", worker: "model:anthropic")
            main.model.fallbacks = [ModelRef(model: "openai/gpt", unavailable: "no key")]
            $0.config.agents = [AgentRoute(id: "zoe"), main, AgentRoute(id: "bob")]
        } _: { bench in
            let client = try await bench.client()
            let list = try await client.ask("agents.list", .object([]))
            #expect(list["payload"]?["agents"]?.items?.map { $0["id"]?.text } == ["main", "bob", "zoe"])
            #expect(list["payload"]?["mainKey"] == "main")
            let identity = try await client.ask("agent.identity.get", ["sessionKey": "agent:main:main"])
            #expect(identity["payload"] == ["agentId": "main", "name": "Claudia", "avatar": "C"])
            let conflict = try await client.ask(
                "agent.identity.get",
                ["sessionKey": "agent:main:main", "agentId": "bob"]
            )
            #expect(conflict["error"]?["code"] == "INVALID_REQUEST")
            let models = try await client.ask("models.list", .object([]))
            #expect(
                models["payload"]?["models"] == [["id": "claude-opus", "name": "claude-opus", "provider": "anthropic"]]
            )
        }
    }
}
