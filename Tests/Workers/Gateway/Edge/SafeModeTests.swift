internal import IPCControl
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("The gateway in safe mode")
struct SafeModeTests {
    private static let reason = "it died three times within 10 s of its start"

    private static func engine() -> SafeConversations {
        let engine = SafeConversations(reason: reason)
        engine.take(Block("WORKER", ["ID": "gateway", "KIND": "gateway", "STATE": "ready", "INCARNATION": "4"]))
        engine.take(Block("WORKER", ["ID": "agent:main", "KIND": "agent", "STATE": "stopped"]))
        return engine
    }

    @Test("answers health and says what it does not do, to strangers without the reason")
    func health() async throws {
        try await EdgeBench.run {
            $0.safeEngine = Self.engine()
        } _: { bench in
            let health = try await HTTPProbe.get(bench, "/healthz")
            #expect(health.status == 200)
            #expect(health.body == #"{"ok":true,"status":"live","degraded":"safe mode"}"#)
            let ready = try await HTTPProbe.get(bench, "/readyz")
            #expect(ready.status == 503 && ready.body.contains(Self.reason))
            let stranger = try await HTTPProbe.get(bench, "/readyz", headers: ["X-Forwarded-For: 8.8.8.8"])
            #expect(stranger.status == 503 && stranger.body == #"{"ready":false}"#)
            let metrics = try await HTTPProbe.get(bench, "/metrics")
            #expect(metrics.body.contains("\nclawhold_safe_mode 1\n"))
            #expect(try await HTTPProbe.get(bench, "/").body.contains("<title>Clawhold</title>"))
        }
    }

    @Test("takes no message and says why; tables and restarts work")
    func methods() async throws {
        let engine = Self.engine()
        try await EdgeBench.run {
            $0.safeEngine = engine
        } _: { bench in
            let client = try await bench.client()
            let sent = try await client.ask(
                "chat.send",
                ["sessionKey": "main", "message": "hello", "idempotencyKey": "k"]
            )
            #expect(sent["ok"] == false && sent["error"]?["retryable"] == true)
            #expect(sent["error"]?["message"]?.text == SafeConversations.sentence)
            let history = try await client.ask("chat.history", ["sessionKey": "main"])
            #expect(history["error"]?["message"]?.text == SafeConversations.sentence)
            #expect(try await client.ask("health", [:])["payload"]?["safeMode"]?.text == Self.reason)
            let status = try await client.ask("status", [:])
            #expect(status["payload"]?["runtime"]?["safeMode"]?.text == Self.reason)
            let list = try await client.ask("workers.list", [:])
            #expect(list["payload"]?["workers"]?.items?.count == 2)
            _ = try await client.ask("workers.restart", ["id": "gateway"])
            #expect(bench.restarts.ids.withLock { $0 } == ["gateway"])
        }
    }

    @Test("follows the worker table and tells who watches it")
    func table() async {
        let engine = Self.engine()
        let told = Mutex(0)
        let subscription = engine.subscribe { event in
            if case .workersChanged = event { told.withLock { $0 += 1 } }
        }
        engine.take(Block("WORKER", ["ID": "agent:main", "KIND": "agent", "STATE": "parked"]))
        engine.take(Block("EXIT", ["ID": "agent:main", "INCARNATION": "1"]))
        engine.take(Block("GONE", ["ID": "agent:main"]))
        #expect(told.withLock { $0 } == 2)
        #expect(await engine.workers().map(\.id) == ["gateway"])
        subscription.cancel()
        engine.take(Block("GONE", ["ID": "gateway"]))
        #expect(told.withLock { $0 } == 2)
    }
}
