import Testing

extension SystemTests {
    @Suite("What a day may cost, and what it did cost", .serialized)
    struct SpendTests {
        private static let prices: JSONValue = [
            "alpha/*": ["input": 1000, "output": 1000], "beta/*": ["input": 0.001, "output": 0.001],
        ]

        private static func start(_ spend: JSONValue) async throws -> World {
            try await World.start(
                models: [TestProvider("alpha", .chat), TestProvider("beta", .anthropic)],
                on: [.telegram]
            ) {
                $0.ownConfig = $0.ownConfig?.with("models", "prices", value: prices).with(
                    "models",
                    "spend",
                    value: spend
                )
            }
        }

        @Test("a spent day: nothing is asked any more, and the person is told why")
        func stop() async throws {
            let world = try await Self.start(["perDayUSD": 0.001, "then": "stop"])
            #expect(try await world.ask("first").contains("first"))
            let before = try await world.model.calls().count
            let answer = try await world.ask("second")
            #expect(!answer.contains("echo:") && answer.contains(" "), "\(answer)")
            #expect(try await world.model.calls().count == before, "asked all the same")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a spent day with a cheaper model: that one answers")
        func cheaper() async throws {
            let world = try await Self.start([
                "perDayUSD": 0.001, "then": "cheaper", "cheaperModel": "beta/test-1",
            ])
            #expect(try await world.ask("first").contains("first"))
            try await world.telegram.say("second question")
            let answer = try await world.telegram.answer(to: "second question", within: 30)
            #expect(answer != nil, "\(world.gateway.process.tail())")
            #expect(try await world.model.calls().last?["provider"] == "beta")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("usage and models say at the terminal what the provider counted")
        func usage() async throws {
            let provider = TestProvider("alpha", .responses)
            let world = try await World.start(models: [provider], on: [.telegram]) {
                $0.ownConfig = $0.ownConfig?.with("models", "prices", value: Self.prices)
            }
            for number in 0..<3 { _ = try await world.ask("question \(number)") }
            let calls = try await world.model.settled()
            let output = calls.reduce(0) { $0 + ($1["usage"]?["output"]?.integer ?? 0) }
            // Rows of the ledger wait a moment for each other.
            try await eventually(within: 10, "the tokens are in the ledger") {
                try await Terminal.json(world, "usage", "--days", "1").text.contains("\(output)")
            }
            let page = try await Terminal.type(world, "usage", "--days", "1")
            #expect(page.code == 0 && page.text.contains("alpha"), "\(page.text)")
            let json = try await Terminal.json(world, "usage", "--days", "1")
            #expect(json.text.contains("\(output)"), "\(output) tokens: \(json.text)")
            let status = try await Terminal.type(world, "models", "status")
            #expect(status.code == 0 && status.text.contains("alpha"), "\(status.text)")
            let probe = try await Terminal.type(world, "models", "probe", "alpha")
            #expect(probe.code == 0, "\(probe.text)")
            for text in [page.text, json.text, status.text, probe.text] {
                #expect(!text.contains(provider.keys[0].suffix(8)), "a key at the terminal")
            }
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a voice note is heard, and its words are answered")
        func voice() async throws {
            let (speaker, listener) = (TestProvider("alpha", .anthropic), TestProvider("beta", .chat))
            let world = try await World.start(models: [speaker, listener], on: [.telegram]) { setup in
                setup.config = setup.config?.with(
                    "tools",
                    "media",
                    "audio",
                    "models",
                    value: [["provider": "beta", "model": "whisper-1"]]
                )
            }
            try await world.model.control("transcript", ["text": "what is the weather like"])
            // "OggS" and some silence.
            try await world.telegram.control(
                "message",
                [
                    "chat_id": .integer(World.chat),
                    "file": [
                        "kind": "voice", "data": "T2dnUwACAAAAAAAAAAAAAAAAAAAAAAAA", "filename": "voice.oga",
                        "content_type": "audio/ogg",
                    ],
                ]
            )
            let answer = try await world.telegram.answer(to: "what is the weather like", within: 30)
            #expect(answer?.contains("echo:") == true, "\(answer ?? "nothing")\n\(world.gateway.process.tail())")
            let calls = try await world.model.settled()
            let heard = calls.filter { $0["path"]?.string?.hasSuffix("/audio/transcriptions") == true }
            #expect(heard.count == 1 && heard[0]["model"] == "whisper-1", "\(calls.map(\.text))")
            #expect(try await world.gateway.stop() == 0)
            let rows = try await world.ledger()
            #expect(rows.contains { $0["purpose"] == "transcription" && $0["provider"] == "beta" }, "\(rows)")
            LedgerCheck(rows, calls).equal()
        }
    }
}
