import Testing

extension SystemTests {
    /// Every dialect from a person's message to the provider's wire and back; what the fake takes, the vendors' own clients send
    /// (`check_model_fake.py`).
    @Suite("Every dialect answers", .serialized)
    struct DialectTests {
        @Test(
            "text, a tool, thinking and a picture; the counts are the provider's",
            arguments: TestProvider.Dialect.allCases
        )
        func dialect(_ dialect: TestProvider.Dialect) async throws {
            let provider = TestProvider("alpha", dialect)
            let world = try await World.start(models: [provider], on: [.telegram])
            #expect(try await world.ask("grüß dich 👋 \"quoted\" \\ end").contains("grüß dich 👋 \"quoted\" \\ end"))
            #expect(try await world.ask("please use session_status now").contains("(after the tool)"))
            #expect(try await world.ask("think, then use session_status").contains("(after the tool)"))

            let client = try await world.client()
            _ = try await client.chat("what is said here, end", key: "one")
            let outcome = try await client.outcome(of: "one")
            #expect(outcome["state"] == "final", "\(outcome.text)\n\(world.gateway.process.tail())")
            #expect(WebSocketClient.text(outcome).contains("what is said here, end"))
            let calls = try await world.model.settled()
            let usage = calls.last?["usage"]
            #expect(outcome["message"]?["usage"]?["input"] == usage?["input"], "\(outcome.text) of \(calls)")
            #expect(outcome["message"]?["usage"]?["output"] == usage?["output"], "\(outcome.text)")

            let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
            let picture = try await client.request(
                "chat.send",
                [
                    "sessionKey": "agent:main:pictures", "message": "what is it?", "idempotencyKey": "two",
                    "attachments": [["type": "image", "mimeType": "image/png", "content": .string(png)]],
                ]
            )
            #expect(picture["ok"] == true, "\(picture.text)")
            #expect(WebSocketClient.text(try await client.outcome(of: "two")).contains("(pictures: 1)"))

            let all = try await world.model.settled()
            #expect(all.allSatisfy { $0["outcome"] == "finished" }, "\(all.map(\.text))")
            #expect(all.allSatisfy { $0["dialect"]?.string == dialect.short })
            #expect(try await world.gateway.stop() == 0)
            try await LedgerCheck(world.ledger(), all).equal()
            try KeySearch([provider]).nowhere(in: world, frames: client.frames.items)
        }

        /// llmock is somebody else's fake with somebody else's idea of these wires, and it judges its clients.
        @Test("llmock is answered through, and has nothing to find with us", arguments: TestProvider.Dialect.allCases)
        func llmock(_ dialect: TestProvider.Dialect) async throws {
            let llmock = try await FakeServer("llmock_peer.py", [])
            let path =
                switch dialect {
                case .anthropic: "/anthropic"
                case .chat, .responses: "/v1"
                case .gemini: "/gemini/v1beta"
                }
            let provider = TestProvider("alpha", dialect)
            let entry = provider.entry("").with("baseUrl", value: .string(llmock.root + path))
            let world = try await World.start(models: [provider]) { setup in
                setup.config = setup.config?.with("models", "providers", "alpha", value: entry)
            }
            let behaviors: JSONValue = [
                "behaviors": [
                    ["type": "fail", "status": 429, "retry_after": 1],
                    ["type": "reply", "text": "Hello from llmock, in many words"],
                ]
            ]
            #expect(try await HTTP.post(llmock.port, "/_llmock/scenario", behaviors).status == 201)
            let client = try await world.client()
            _ = try await client.chat("one two three", key: "one")
            let outcome = try await client.outcome(of: "one")
            #expect(
                WebSocketClient.text(outcome).contains("Hello from llmock, in many words"),
                "\(outcome.text)\n\(world.gateway.process.tail())"
            )
            let verdict = try JSONValue(try await HTTP.get(llmock.port, "/_llmock/verdict").body)
            #expect(verdict["findings"]?.array == [], "\(verdict.text)")
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
