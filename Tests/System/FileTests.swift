import Testing

extension SystemTests {
    /// Files in both directions, through every process that has a hand in them.
    @Suite("Files, both ways", .serialized)
    struct FileTests {
        /// One pixel.
        static let picture =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

        @Test("a picture that somebody sends is seen by the model, with its words", arguments: Chat.allCases)
        func picture(_ chat: Chat) async throws {
            let world = try await World.start(on: [chat])
            try await send(world, chat, words: "what-is-this", kind: "photo", name: "a.png", type: "image/png")
            let answer = try await world.fake(chat).answer(to: "(pictures: 1)", within: 30)
            #expect(answer?.contains("what-is-this") == true, "\(answer ?? world.gateway.process.tail())")
        }

        @Test(
            "a picture comes through although the gateway dies while it is fetched",
            arguments: Chat.allCases
        )
        func gatewayDies(_ chat: Chat) async throws {
            let world = try await World.start(
                on: [chat],
                killPoints: ["turn.after-frame@gateway:1"]
            )
            try await send(world, chat, words: "what-is-this", kind: "photo", name: "a.png", type: "image/png")
            let answer = try await world.fake(chat).answer(to: "(pictures: 1)", within: 30)
            #expect(answer != nil, "\(world.gateway.process.tail())")
            try await world.gateway.process.line(containing: "gateway died: killed by SIGKILL", within: 5)
            #expect(try await world.answers(to: "(pictures: 1)", on: chat).count == 1)
        }

        @Test("a file that the model sends arrives, once, with its name and size", arguments: Chat.allCases)
        func document(_ chat: Chat) async throws {
            let workspace = try StateDirectory()
            try workspace.write("report.txt", "twelve bytes")
            let world = try await World.start(on: [chat]) { setup in
                setup.config = setup.config?.with("agents", "defaults", "workspace", value: .string(workspace.path))
            }
            let fake = try world.fake(chat)
            if chat == .discord { try await world.discord.ready() }
            try await fake.say(#"use message {"action": "send", "message": "here-it-is", "media": ["report.txt"]}"#)
            let deadline = ContinuousClock.now + .seconds(30)
            var rows: [JSONValue] = []
            while rows.isEmpty, ContinuousClock.now < deadline {
                rows = try await fake.sent(from: 0, within: 0.2).filter { $0.text.contains("report") }
            }
            let file = rows.first?["file"] ?? rows.first?["files"]?[0]
            #expect(file?["size"]?.integer == 12, "\(rows) \(world.gateway.process.tail())")
            #expect(file?["filename"]?.string?.hasSuffix("report.txt") == true, "\(rows)")
            #expect(rows.count == 1 && rows[0].text.contains("here-it-is"), "words and file are one message: \(rows)")
        }

        @Test("a file outside of the workspace is not sent, and the model is told", arguments: Chat.allCases)
        func elsewhere(_ chat: Chat) async throws {
            let world = try await World.start(on: [chat])
            let fake = try world.fake(chat)
            if chat == .discord { try await world.discord.ready() }
            try await fake.say(#"use message {"action": "send", "media": ["/etc/passwd"]}"#)
            #expect(try await fake.answer(to: "(after the tool)", within: 30) != nil)
            #expect(try world.transcript("toolResult", containing: "only files in the workspace").count == 1)
            #expect(try await fake.sent(from: 0, within: 0).allSatisfy { !$0.text.contains("passwd\"") })
        }

        private func send(
            _ world: World,
            _ chat: Chat,
            words: String,
            kind: String,
            name: String,
            type: String
        ) async throws {
            let file: JSONValue = [
                "data": .string(Self.picture), "filename": .string(name), "content_type": .string(type),
            ]
            switch chat {
            case .telegram:
                _ = try await world.telegram.control(
                    "message",
                    [
                        "chat_id": .integer(World.chat),
                        "file": file.with("kind", value: .string(kind)).with("caption", value: .string(words)),
                    ]
                )
            case .discord:
                try await world.discord.ready()
                try await world.discord.write(words, ["dm": true, "attachments": [file]])
            }
        }
    }
}
