import Glibc
import IPCControl
import Testing

extension SystemTests {
    @Suite("What Telegram may do", .serialized)
    struct NetworkTroubleTests {
        @Test("messages that came while nobody ran are answered at the start, in order, and confirmed")
        func backlog() async throws {
            let telegram = try await BotAPI()
            for number in 1...5 { try await telegram.write("early-\(number)", chat: World.chat) }
            let last = try await telegram.write("early-6", chat: World.chat)
            let world = try await World.start(telegram: telegram)
            let sent = try await telegram.sent(count: 1)
            #expect(sent[0]["text"]?.string?.contains("early-1") == true)
            try await telegram.confirmed(last)
            #expect(try await world.ask("late").isEmpty == false)
        }

        @Test("429 is waited out for as long as Telegram says, and the message then arrives once")
        func tooManyRequests() async throws {
            let world = try await World.start()
            try await world.telegram.fault([
                "method": "sendMessage", "status": 429, "description": "Too Many Requests: retry after 2",
                "retry_after": 2,
            ])
            #expect(try await world.ask("patience").contains("patience"))
            let calls = try await world.telegram.calls("sendMessage", within: 0)
            let times = calls.compactMap { call -> Double? in
                if case .number(let at)? = call["at"] { at } else { call["at"]?.integer.map(Double.init) }
            }
            #expect(calls.count == 2 && times.count == 2 && times[1] - times[0] >= 2, "\(times)")
        }

        @Test("a refused message is given up, said in the log, and holds up nothing")
        func refused() async throws {
            let world = try await World.start()
            try await world.telegram.fault([
                "method": "sendMessage", "status": 403, "description": "Forbidden: bot was blocked by the user",
            ])
            try await world.telegram.write("blocked", chat: World.chat)
            try await world.gateway.process.line(containing: "bot was blocked by the user")
            #expect(try await world.ask("unblocked").contains("unblocked"))
            #expect(try await world.answers(to: "blocked").count == 1)
        }

        @Test("a send whose outcome is unknown is made once more and marked, never a third time")
        func inDoubt() async throws {
            let world = try await World.start()
            try await world.telegram.fault(["method": "sendMessage", "mode": "close-after-accept"])
            try await world.telegram.write("doubtful", chat: World.chat)
            let sent = try await world.telegram.sent(count: 2)
            #expect(sent.allSatisfy { $0["text"]?.string?.contains("doubtful") == true })
            try await world.gateway.process.line(containing: "twice")
            try await world.telegram.fault(["method": "sendMessage", "mode": "drop", "count": 2])
            try await world.telegram.write("lost", chat: World.chat)
            try await world.gateway.process.line(containing: "second time")
            #expect(try await world.ask("after").contains("after"))
            #expect(try await world.answers(to: "lost").isEmpty)
            #expect(try await world.answers(to: "doubtful").count == 2)
        }

        @Test("another poller with the same token is named, backed off from, and survived")
        func conflict() async throws {
            let world = try await World.start()
            try await world.gateway.worker(World.telegramWorker)
            _ = try await world.telegram.calls("getUpdates")
            let rival = try await HTTP.post(world.telegram.port, "/bot\(BotAPI.token)/getUpdates", ["timeout": 0])
            #expect(rival.status == 200)
            try await world.gateway.process.line(containing: "another poller uses this bot token")
            let calls = try await world.telegram.calls("getUpdates", within: 0).count
            #expect(calls < 6, "no hot loop: \(calls) polls")
            #expect(try await world.ask("still mine").contains("still mine"))
        }

        @Test("broken answers, errors and a webhook in the way lose nothing")
        func brokenAnswers() async throws {
            let telegram = try await BotAPI()
            try await telegram.control("webhook", ["url": "https://example.invalid/hook"])
            let world = try await World.start(telegram: telegram)
            for body in ["<html>bad gateway</html>", #"{"ok":true,"result":[{"update_id":70"#] {
                try await telegram.control("raw", ["body": .string(body)])
            }
            #expect(try await world.ask("through it all", within: 60).contains("through it all"))
            #expect(try await telegram.state()["webhook"] == "")
            #expect(try await telegram.state()["violations"]?.array.isEmpty == true)
        }

        @Test("a group answers to its name only, in the topic where it was called")
        func groups() async throws {
            let group: Int64 = -100_777
            let world = try await World.start { setup in
                guard case .object(var root)? = setup.config, case .object(var channels)? = root["channels"],
                    case .object(var telegram)? = channels["telegram"]
                else { return }
                telegram["groups"] = .object(["\(group)": [:]])
                telegram["groupAllowFrom"] = [42]
                channels["telegram"] = .object(telegram)
                root["channels"] = .object(channels)
                setup.config = .object(root)
            }
            let from: JSONValue = ["id": 42, "is_bot": false, "first_name": "Ada"]
            let forum: JSONValue = ["id": .integer(group), "type": "supergroup", "title": "Workshop", "is_forum": true]
            let topic: [String: JSONValue] = [
                "from": from, "chat": forum, "message_thread_id": 7, "is_topic_message": true,
            ]
            try await world.telegram.write("overheard", chat: group, extra: .object(topic))
            var called = topic
            called["entities"] = [["type": "mention", "offset": 0, "length": 13]]
            try await world.telegram.write("@clawhold_bot called", chat: group, extra: .object(called))
            let sent = try await world.telegram.sent(count: 1)
            #expect(sent[0]["text"]?.string?.contains("called") == true)
            #expect(sent[0]["thread"] == 7 && sent[0]["chat_id"] == .integer(group))
            #expect(try await world.model.calls().count == 1)
        }
    }
}
