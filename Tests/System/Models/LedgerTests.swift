import TestSupport
import Testing

extension SystemTests {
    /// What was used and what it cost is written down whatever became of who asked.
    @Suite("The ledger beside the providers' own count", .serialized)
    struct LedgerTests {
        @Test("mixed questions in four dialects, three in ten given up by the person: every request has its row")
        func mixed() async throws {
            let providers = TestProvider.Dialect.allCases.map { TestProvider("p-\($0)", $0) }
            let world = try await World.start(models: providers) { setup in
                // Four agents, each with a provider of its own, so that all dialects are asked at the same time.
                let agents = providers.map { provider -> JSONValue in
                    ["id": .string("a-\(provider.dialect)"), "model": .string(provider.model)]
                }
                setup.config = setup.config?.with("agents", "list", value: .array(agents))
            }
            try await world.model.control("pace", ["seconds": 0.004])
            for provider in providers {
                try await world.model.fault(["mode": "cut", "provider": .string(provider.name), "count": 2])
                try await world.model.fault(["mode": "error", "name": "server", "provider": .string(provider.name)])
            }
            let clients = try await withThrowingTaskGroup(of: (WebSocketClient, Int).self) { group in
                for (number, provider) in providers.enumerated() {
                    group.addTask {
                        try await Self.load(
                            "a-\(provider.dialect)",
                            seed: UInt64(number),
                            Extent.of(15, full: 250),
                            world
                        )
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let calls = try await world.model.settled()
            #expect(try await world.gateway.stop() == 0)
            let abandoned = clients.reduce(0) { $0 + $1.1 }
            #expect(abandoned > 0 && calls.contains { $0["outcome"] == "gone" }, "nobody was given up")
            try await LedgerCheck(world.ledger(), calls).equal(unreached: 0...abandoned, abandoned: abandoned)
            try KeySearch(providers).nowhere(in: world, frames: clients.flatMap { $0.0.frames.items })
        }

        /// One after another with one agent; returns how many were given up.
        private static func load(
            _ agent: String,
            seed: UInt64,
            _ count: Int,
            _ world: World
        ) async throws -> (WebSocketClient, Int) {
            let client = try await world.client()
            var random = SplitMix(seed: seed)
            var abandoned = 0
            for number in 0..<count {
                let words = (0..<Int.random(in: 5...80, using: &random)).map { "w\($0)" }.joined(separator: " ")
                let tool = Int.random(in: 0..<5, using: &random) == 0 ? "use session_status " : ""
                let session: JSONValue = .string("agent:\(agent):s\(number)")
                let key = "\(agent)-\(number)"
                _ = try await client.request(
                    "chat.send",
                    ["sessionKey": session, "message": .string(tool + words), "idempotencyKey": .string(key)]
                )
                if Int.random(in: 0..<10, using: &random) < 3 {
                    // Somewhere between "not yet asked" and "just done".
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<200, using: &random)))
                    _ = try await client.request("chat.abort", ["sessionKey": session, "runId": .string(key)])
                    abandoned += 1
                }
                _ = try await client.outcome(of: key, within: 60)
            }
            return (client, abandoned)
        }
    }
}
