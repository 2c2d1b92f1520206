internal import Journal
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("queue methods over real sockets")
struct QueueMethodTests {
    @Test("the queue is listed with its counts, by network, account and state")
    func list() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client(scopes: ["operator.read"])
            let payload = try #require(
                try await client.ask("queue.list", ["channel": "telegram", "limit": 5])["payload"]
            )
            #expect(payload["counts"]?["dead"] == 1)
            #expect(payload["counts"]?["waiting"] == 0)
            let item = try #require(payload["items"]?.items?.first)
            #expect(item["id"] == "turn:dead" && item["kind"] == "turn" && item["state"] == "dead")
            #expect(item["text"] == "hello" && item["reason"] == "it killed its agent" && item["sender"] == nil)
            _ = try await client.ask("queue.list", ["channel": "telegram:work", "state": "expired"])
            let filters = bench.engine.filters.withLock { $0 }
            #expect(filters.map(\.channel) == ["channel:telegram:", "channel:telegram:work"])
            #expect(filters.map(\.limit) == [5, 100])
            #expect(filters.map(\.states) == [QueueState.open, [.expired]])
            let wrong = try await client.ask("queue.list", ["state": "lost"])
            #expect(wrong["error"]?["message"]?.text?.hasPrefix("no state \"lost\": open, all, waiting") == true)
        }
    }

    @Test("retry and drop are an administrator's, and say who dropped it")
    func orders() async throws {
        try await EdgeBench.run { bench in
            let reader = try await bench.client(scopes: ["operator.read"])
            #expect(
                try await reader.ask("queue.show", ["id": "turn:dead"])["payload"]?["detail"]?["text"] == "hello world"
            )
            for method in ["queue.retry", "queue.drop"] {
                let refused = try await reader.ask(method, ["id": "turn:dead"])
                #expect(refused["error"]?["message"] == "missing scope: operator.admin")
            }
            let admin = try await bench.client(scopes: ["operator.admin"])
            #expect(try await admin.ask("queue.retry", ["id": "turn:dead"])["payload"]?["item"]?["state"] == "waiting")
            #expect(try await admin.ask("queue.drop", ["id": "turn:dead"])["payload"]?["item"]?["state"] == "dropped")
            guard case .drop(let who)? = bench.engine.orders.withLock({ $0.last }) else {
                Issue.record("nothing was dropped")
                return
            }
            #expect(!who.isEmpty)
            let absent = try await admin.ask("queue.retry", ["id": "turn:x"])
            #expect(absent["error"]?["message"] == "there is no turn:x")
            let wrong = try await admin.ask("queue.drop", ["id": "12"])
            #expect(wrong["error"]?["message"]?.text?.contains("is no id of the queue") == true)
        }
    }
}
