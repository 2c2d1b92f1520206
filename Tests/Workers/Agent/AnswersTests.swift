import IPCHub
import Runtime
import Testing

@testable import Agent

@Suite struct AnswersTests {
    private static let hello: [FakeModels.Step] = [.text("Hello"), .finish("end_turn")]

    private static func questions(_ bench: Bench) -> AgentQuestions {
        AgentQuestions(store: bench.store, model: "anthropic/m", contextTokens: 200_000)
    }

    private static func ask(_ bench: Bench, _ method: String, _ params: String) async throws -> JSON {
        switch await questions(bench).answer(method, Array(params.utf8)) {
        case .success(let bytes): try JSON(parsing: bytes)
        case .failure(let error): throw error
        }
    }

    @Test("history gives the last messages with their times, and the key as the client spelt it")
    func history() async throws {
        let bench = try Bench(FakeModels(Self.hello, Self.hello))
        #expect(
            try await Self.ask(bench, "history", #"{"sessionKey":"main"}"#) == ["sessionKey": "main", "messages": []]
        )
        _ = try await bench.run(Bench.turn("t1", "one"))
        _ = try await bench.run(Bench.turn("t2", "two"))
        let all = try await Self.ask(bench, "history", #"{"sessionKey":"Main"}"#)
        #expect(all["sessionKey"] == "Main" && all["sessionId"]?.string?.isEmpty == false)
        let messages = try #require(all["messages"]?.array)
        #expect(messages.map { TranscriptMessage.text($0) } == ["one", "Hello", "two", "Hello"])
        #expect(messages.allSatisfy { $0["timestamp"]?.integer == 1_795_000_000_000 })
        let last = try await Self.ask(bench, "history", #"{"sessionKey":"main","limit":1}"#)
        #expect(last["messages"]?.array?.count == 1)
        #expect(
            try await Self.ask(bench, "history", #"{"sessionKey":"main","limit":-9223372036854775808}"#)["messages"]?
                .array?.count == 1
        )
    }

    @Test("history is bounded: the oldest messages are left out")
    func historyBound() async throws {
        let bench = try Bench(FakeModels(Self.hello))
        _ = try await bench.run(Bench.turn("t1", "first"))
        let entry = try #require(try await bench.store.entry(SessionKey("main", agent: "main")))
        let transcript = try #require(bench.store.transcript(entry))
        let text = String(repeating: "x", count: 500_000)
        for number in 0..<15 {
            let message = TranscriptMessage.user("\(number) \(text)", now: 1)
            try transcript.append(
                [
                    TranscriptMessage.entry(
                        id: "e\(number)",
                        parent: number == 0 ? nil : "e\(number - 1)",
                        message: message,
                        now: 1
                    )
                ],
                sync: false,
                now: 1
            )
        }
        guard
            case .success(let bytes) = await Self.questions(bench).answer(
                "history",
                Array(#"{"sessionKey":"main"}"#.utf8)
            )
        else {
            Issue.record("no history")
            return
        }
        #expect(bytes.count <= HistoryAnswer.bytesLimit + 200 && bytes.count > 5_000_000)
        let messages = try #require(try JSON(parsing: bytes)["messages"]?.array)
        #expect(messages.last.map { TranscriptMessage.text($0).hasPrefix("14 ") } == true)
    }

    @Test("clients see neither envelopes nor what only the provider understands")
    func cleaned() throws {
        let line =
            #"{"type":"message","timestamp":"2026-11-18T11:06:40.123Z","message":{"role":"user","content":[{"type":"text","text":"[Telegram Ada id:1 2026-11-22 14:30 UTC] hi"}]}}"#
        let user = try #require(try JSON(parsing: line.utf8).object)
        let message = try #require(HistoryAnswer.message(TranscriptEntry(object: user)))
        #expect(TranscriptMessage.text(message) == "hi" && message["timestamp"] == 1_795_000_000_123)
        let thinking =
            #"{"type":"message","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm","raw":{}}]}}"#
        let assistant = try #require(try JSON(parsing: thinking.utf8).object)
        #expect(
            HistoryAnswer.message(TranscriptEntry(object: assistant))?["content"] == [
                ["type": "thinking", "thinking": "hm"]
            ]
        )
    }

    @Test("sessions are listed newest first, searched, limited, with titles and last messages")
    func sessions() async throws {
        let bench = try Bench(FakeModels(Self.hello, Self.hello))
        _ = try await bench.run(
            Bench.turn("t1", "What is  the\nweather in Zürich today, and will it rain in the evening?")
        )
        var group = Bench.turn("t2", "hi", session: "agent:main:telegram:group:-100")
        group.channel = "telegram"
        group.account = "default"
        group.message.chatType = .group
        group.message.conversation = "-100"
        group.message.conversationLabel = "Family"
        group.message.senderName = "Ada"
        _ = try await bench.run(group)
        try await bench.store.update(SessionKey("agent:main:main", agent: "main")) { $0["updatedAt"] = 1_000 }
        try await bench.store.update(SessionKey("global", agent: "main")) { $0["sessionId"] = "g" }

        let all = try await Self.ask(bench, "sessions", #"{"includeDerivedTitles":true,"includeLastMessage":true}"#)
        let rows = try #require(all["sessions"]?.array)
        #expect(rows.map { $0["key"]?.string } == ["agent:main:telegram:group:-100", "agent:main:main"])
        #expect(
            all["count"] == 2 && all["defaults"]?["model"] == "m" && all["defaults"]?["modelProvider"] == "anthropic"
        )
        #expect(rows[0]["kind"] == "group" && rows[0]["displayName"] == "Family" && rows[0]["derivedTitle"] == "Family")
        #expect(rows[0]["lastChannel"] == "telegram" && rows[0]["lastTo"] == "telegram:-100")
        #expect(rows[1]["derivedTitle"]?.string == "What is the weather in Zürich today, and will it rain in…")
        #expect(rows[1]["lastMessagePreview"] == "Hello")

        func keys(_ params: String) async throws -> [String] {
            try await Self.ask(bench, "sessions", params)["sessions"]?.array?.compactMap { $0["key"]?.string } ?? []
        }
        #expect(try await keys(#"{"limit":1}"#) == ["agent:main:telegram:group:-100"])
        #expect(try await keys(#"{"search":"FAMILY"}"#) == ["agent:main:telegram:group:-100"])
        #expect(try await keys(#"{"activeMinutes":5}"#).isEmpty)
        #expect(try await keys(#"{"includeGlobal":true}"#).contains("global"))
        #expect(try await keys("").count == 2)
    }

    @Test("questions that make no sense are answered in words")
    func nonsense() async throws {
        let bench = try Bench(FakeModels())
        for (method, params) in [("history", "{}"), ("history", "nonsense"), ("sessions", "{"), ("format", "{}")] {
            await #expect(throws: AgentQuestions.QuestionError.self) { try await Self.ask(bench, method, params) }
        }
    }
}
