import Testing

extension SystemTests {
    /// Whose turn it is among the keys of a provider, and that nobody forgets it.
    @Suite("Keys of a provider", .serialized)
    struct KeyTests {
        private static func ask(_ client: WebSocketClient, _ text: String) async throws -> JSONValue {
            let key = "\(text)-\(UInt32.random(in: .min ... .max))"
            _ = try await client.chat(text, key: key)
            return try await client.outcome(of: key)
        }

        @Test(
            "a key that cools is left alone, though its worker and then the whole tree is started again",
            arguments: [TestProvider.Dialect.chat, .anthropic]
        )
        func cooling(_ dialect: TestProvider.Dialect) async throws {
            let provider = TestProvider("alpha", dialect, keys: 2)
            let order: JSONValue = ["alpha": ["alpha:key0", "alpha:key1"]]
            let world = try await World.start(models: [provider]) { setup in
                setup.config = setup.config?.with("auth", "order", value: order)
            }
            try await world.model.fault([
                "mode": "error", "name": "rate", "retry": 600, "key": .string(provider.keys[0]), "count": -1,
            ])
            let client = try await world.client()
            #expect(WebSocketClient.text(try await Self.ask(client, "first")).contains("first"))
            func keys() async throws -> [String] {
                try await world.model.calls(to: "alpha").compactMap { $0["key"]?.string }
            }
            #expect(try await keys() == provider.keys, "the first, then the other")
            #expect(WebSocketClient.text(try await Self.ask(client, "second")).contains("second"))
            #expect(try await keys() == provider.keys + provider.keys.suffix(1))

            let before = try await world.gateway.kill(provider.worker)
            #expect(WebSocketClient.text(try await Self.ask(client, "third")).contains("third"))
            #expect(try await world.gateway.pid(of: provider.worker) != before)
            #expect(try await keys() == provider.keys + [String](repeating: provider.keys[1], count: 2))

            #expect(try await world.gateway.stop() == 0)
            let again = try await World.start(models: [provider], state: world.gateway.state, model: world.model) {
                setup in
                setup.config = setup.config?.with("auth", "order", value: order)
            }
            let other = try await again.client()
            #expect(WebSocketClient.text(try await Self.ask(other, "fourth")).contains("fourth"))
            #expect(try await keys() == provider.keys + [String](repeating: provider.keys[1], count: 3))
            let status = try await Terminal.type(again, "models", "status")
            #expect(status.code == 0 && status.text.contains("alpha:key0"), "\(status.text)")
            #expect(try await again.gateway.stop() == 0)
            try await LedgerCheck(again.ledger(), try await world.model.settled()).equal()
            try KeySearch([provider]).nowhere(in: again, frames: client.frames.items + other.frames.items)
        }

        /// What a person does once the wallet is full again.
        enum TopUp: CaseIterable {
            case asksAgain, choosesAnotherModel, clears
        }

        @Test(
            "an empty wallet locks the key; the next question after a top-up, a choice or a word ends that",
            arguments: TopUp.allCases
        )
        func billing(_ topUp: TopUp) async throws {
            let provider = TestProvider("alpha", .chat)
            let world = try await World.start(models: [provider])
            try await world.model.fault(["mode": "error", "name": "quota", "count": -1])
            let client = try await world.client()
            let outcome = try await Self.ask(client, "is anybody there")
            #expect(outcome["state"] == "error", "\(outcome.text)")
            let words = outcome["errorMessage"]?.string?.lowercased() ?? ""
            #expect(["credit", "billing", "paid", "pay", "quota", "money"].contains { words.contains($0) }, "\(words)")
            let tried = try await world.model.calls(to: "alpha").count
            #expect(try await Self.ask(client, "and now")["state"] == "error")
            #expect(
                try await world.model.calls(to: "alpha").count == tried + 1,
                "where nothing else can answer a question costs one request, not all attempts"
            )
            #expect(try await Terminal.type(world, "models", "status").text.contains("billing"))
            // Paid.
            try await world.model.control("clear-faults")
            switch topUp {
            case .asksAgain: break
            case .choosesAnotherModel:
                // Of the same key: what a person chose is asked even while the key is locked.
                _ = try await Self.ask(client, "/model \(provider.name)/test-2")
            case .clears:
                let cleared = try await Terminal.type(world, "models", "clear", "alpha")
                #expect(cleared.code == 0, "\(cleared.text)")
                let status = try await Terminal.type(world, "models", "status")
                #expect(!status.text.contains("billing"), "\(status.text)")
            }
            let answer = try await Self.ask(client, "thank you")
            #expect(
                WebSocketClient.text(answer).contains("thank you"),
                "\(answer.text)\n\(world.gateway.process.tail())"
            )
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
