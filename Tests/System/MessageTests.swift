import Glibc
import IPCControl
import Testing

extension SystemTests {
    @Suite("A message comes in, an answer goes out", .serialized)
    struct MessageTests {
        @Test("by Telegram: answered in place, shown typing, written down, confirmed")
        func telegram() async throws {
            let world = try await World.start()
            let update = try await world.telegram.write("hello there", chat: World.chat)
            let sent = try await world.telegram.sent(count: 1)
            #expect(sent.count == 1)
            #expect(sent[0]["text"]?.string?.hasPrefix("echo: ") == true)
            #expect(sent[0]["text"]?.string?.contains("hello there") == true)
            #expect(sent[0]["reply_to"] == update["message"]?["message_id"])
            #expect(try await !world.telegram.calls("sendChatAction").isEmpty)
            try await world.telegram.confirmed(update)
            #expect(try world.transcript("user", containing: "hello there").count == 1)
            #expect(try world.transcript("assistant", containing: "hello there").count == 1)
            let state = try await world.telegram.state()
            #expect(state["violations"]?.array.isEmpty == true && state["conflicts"] == 0)
            try await world.gateway.process.line(containing: "[telegram] [default] starting provider (@clawhold_bot)")
            let everything = world.gateway.process.lines.items.joined(separator: "\n")
            #expect(!everything.contains(BotAPI.token) && !everything.contains(ModelFake.key), "no secret in the log")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("by WebSocket: started, streamed, final, and in the history")
        func webSocket() async throws {
            let world = try await World.start()
            try await world.model.control("pace", ["seconds": 0.05])
            let client = try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
            let words = "one two three four five six seven eight nine ten"
            let started = try await client.chat(words, key: "run-1")
            #expect(started["status"] == "started" && started["runId"] == "run-1")
            let outcome = try await client.outcome(of: "run-1")
            #expect(outcome["state"] == "final")
            #expect(WebSocketClient.text(outcome).contains(words))
            let deltas = client.frames.items.filter { $0["payload"]?["state"] == "delta" }
            #expect(deltas.count >= 2, "streamed")
            for (earlier, later) in zip(deltas, deltas.dropFirst()) {
                let before = WebSocketClient.text(earlier["payload"] ?? .null)
                #expect(WebSocketClient.text(later["payload"] ?? .null).hasPrefix(before), "cumulative")
            }
            let history = try await client.request("chat.history", ["sessionKey": "agent:main:main"])
            let messages = history["payload"]?["messages"]?.array ?? []
            #expect(messages.map { $0["role"]?.string } == ["user", "assistant"])
            #expect(try await client.chat(words, key: "run-1")["status"] == "ok", "the same key is not run again")
            #expect(try await world.model.calls().count == 1)
        }

        @Test("a tool call is part of the turn")
        func tool() async throws {
            let world = try await World.start()
            let answer = try await world.ask("please use session_status now")
            let after = try await world.telegram.sent(count: 1)
            #expect(after.contains { $0["text"]?.string?.contains("(after the tool)") == true }, "\(answer)")
            #expect(try await world.model.calls().count == 2)
        }

        @Test("a long answer comes in chunks, in order, and only the first one marks the question")
        func chunks() async throws {
            let world = try await World.start()
            let long = (0..<900).map { "word\($0)" }.joined(separator: " ")
            let update = try await world.telegram.write(long, chat: World.chat)
            let sent = try await world.telegram.sent(count: 2)
            let joined = sent.compactMap { $0["text"]?.string }.joined(separator: " ")
            for number in 0..<900 { #expect(joined.contains("word\(number)")) }
            #expect(sent[0]["reply_to"] == update["message"]?["message_id"])
            #expect(sent.dropFirst().allSatisfy { $0["reply_to"] == .null })
        }

        @Test("a stranger gets no answer, and the log says which line would admit them")
        func stranger() async throws {
            let world = try await World.start()
            let update = try await world.telegram.write("let me in", chat: 77)
            try await world.telegram.confirmed(update)
            _ = try await world.ask("from the owner")
            #expect(try await world.answers(to: "let me in").isEmpty)
            try await world.gateway.process.line(containing: "channels.telegram.allowFrom")
            #expect(try await world.model.calls().count == 1)
        }

        @Test("without any key the demonstration model answers in WebChat, and says what it is")
        func demonstration() async throws {
            let gateway = try await Gateway.start()
            let client = try await WebSocketClient.connected(to: gateway.port, token: Gateway.token)
            _ = try await client.chat("hello", key: "d-1")
            let outcome = try await client.outcome(of: "d-1")
            #expect(outcome["state"] == "final")
            #expect(WebSocketClient.text(outcome).lowercased().contains("demo"))
        }

        @Test("with a key that is wrong the demonstration model does not step in")
        func noToyForAWrongKey() async throws {
            let world = try await World.start { $0.environment["ANTHROPIC_API_KEY"] = "sk-ant-wrong" }
            let answer = try await world.ask("hello")
            #expect(!answer.lowercased().contains("demo"))
            #expect(!answer.hasPrefix("echo:"))
        }
    }
}
