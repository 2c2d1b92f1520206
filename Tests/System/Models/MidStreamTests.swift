import Glibc
import Testing

extension SystemTests {
    /// The commit point: until something of an answer was shown, a failure is nobody's business but ours; after it the person
    /// is told, and what was there is kept.
    @Suite("The worker of a model dies in the middle", .serialized)
    struct MidStreamTests {
        static let question = (1...60).map { "word\($0)" }.joined(separator: " ")

        @Test("before anything was shown: nobody notices", arguments: [TestProvider.Dialect.anthropic, .responses])
        func before(_ dialect: TestProvider.Dialect) async throws {
            let provider = TestProvider("alpha", dialect)
            let world = try await World.start(models: [provider])
            try await world.model.fault(["mode": "slow", "seconds": 1.5])
            let client = try await world.client()
            _ = try await client.chat(Self.question, key: "one")
            _ = try await world.model.calls(within: 10)
            try await world.gateway.kill(provider.worker)
            let outcome = try await client.outcome(of: "one")
            #expect(
                outcome["state"] == "final" && WebSocketClient.text(outcome).contains(Self.question),
                "\(outcome.text)\n\(world.gateway.process.tail())"
            )
            #expect(try await world.gateway.stop() == 0)
            #expect(try world.transcript("assistant", containing: "word60").count == 1)
        }

        @Test("after something was shown: an answer or a clear error, and the partial text is kept")
        func after() async throws {
            let provider = TestProvider("alpha", .chat)
            let world = try await World.start(models: [provider])
            try await world.model.control("pace", ["seconds": 0.05])
            let client = try await world.client()
            _ = try await client.chat(Self.question, key: "one")
            let shown = await client.frames.first(within: 20) { frame in
                frame["payload"]?["state"] == "delta"
                    && WebSocketClient.text(frame["payload"] ?? .null).contains("word5")
            }
            #expect(shown != nil, "\(world.gateway.process.tail())")
            try await world.gateway.kill(provider.worker)
            let outcome = try await client.outcome(of: "one")
            try await told(outcome, world)
        }

        @Test(
            "the provider breaks off after something was shown: a clear error, and the partial text is kept",
            arguments: TestProvider.Dialect.allCases
        )
        func brokenOff(_ dialect: TestProvider.Dialect) async throws {
            let world = try await World.start(models: [
                TestProvider("alpha", dialect), TestProvider("beta", .anthropic),
            ])
            try await world.model.control("pace", ["seconds": 0.02])
            try await world.model.fault(["mode": "cut", "provider": "alpha", "count": -1])
            let client = try await world.client()
            _ = try await client.chat(Self.question, key: "one")
            let outcome = try await client.outcome(of: "one")
            try await told(outcome, world)
        }

        /// Whole, or an error with what had come before it in the transcript.
        private func told(_ outcome: JSONValue, _ world: World) async throws {
            if outcome["state"] == "final" {
                #expect(
                    WebSocketClient.text(outcome).contains(Self.question),
                    "half an answer as a whole one: \(outcome.text)"
                )
            } else {
                #expect(outcome["state"] == "error" && outcome["errorMessage"]?.string?.contains(" ") == true)
                let kept = try world.transcript("assistant", containing: "word5")
                #expect(!kept.isEmpty, "the partial text is lost:\n\(world.gateway.process.tail())")
            }
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
