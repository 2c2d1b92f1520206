internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("Chat over real sockets")
struct ChatMethodTests {
    @Test("the answer to chat.send comes before every event of its run, even of events from before the answer")
    func order() async throws {
        try await EdgeBench.run { bench in
            bench.engine.state.withLock {
                $0.onSend = { engine, message in
                    let run = Run(id: message.idempotencyKey, sessionKey: message.sessionKey)
                    engine.emit(.started(run))
                    engine.emit(.text(run, text: "He", added: "He", replaced: false))
                    engine.emit(
                        .finished(run, text: "Hello", usage: RunUsage(input: 1, output: 2), stopReason: "end_turn")
                    )
                }
            }
            let client = try await bench.client()
            _ = try await client.event("health")
            try await client.send(chatSend("R", id: "s"))
            var seen: [String] = []
            while seen.last != "chat final" {
                guard case .frame(let frame) = try await client.next(where: { _ in true }) else { continue }
                let payload = frame["payload"]
                let kind =
                    frame["type"] == "res"
                    ? payload?["status"]?.text : payload?["state"]?.text ?? payload?["stream"]?.text
                seen.append("\(frame["event"]?.text ?? "res") \(kind ?? "")")
            }
            #expect(
                seen == [
                    "res started", "agent lifecycle", "agent assistant", "chat delta", "agent assistant",
                    "agent lifecycle", "chat final",
                ]
            )
            let sent = bench.engine.state.withLock { $0.sent }
            #expect(sent.map(\.text) == ["hi"])
            #expect(sent.first?.sessionKey == "main")
        }
    }

    @Test("each outcome has its answer")
    func outcomes() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            for (number, (outcome, status)) in [
                (ChatSendOutcome.started, "started"), (.inFlight, "in_flight"), (.finished, "ok"),
            ].enumerated() {
                bench.engine.state.withLock { $0.outcome = outcome }
                try await client.send(chatSend("k\(number)", id: "o\(number)"))
                let answer = try await client.answer("o\(number)")
                #expect(answer["payload"] == ["runId": .string("k\(number)"), "status": .string(status)])
                #expect(answer["error"] == nil)
            }
            bench.engine.state.withLock { $0.outcome = .failed("the model said no") }
            try await client.send(chatSend("f", id: "f"))
            let failed = try await client.answer("f")
            #expect(failed["ok"] == false)
            #expect(failed["payload"] == ["runId": "f", "status": "error", "summary": "the model said no"])
            #expect(failed["error"]?["code"] == "UNAVAILABLE")
            bench.engine.state.withLock { $0.outcome = .refused("the disk is full") }
            try await client.send(chatSend("g", id: "g"))
            let refused = try await client.answer("g")
            #expect(refused["payload"] == nil)
            #expect(refused["error"]?["message"] == "the disk is full")
            #expect(refused["error"]?["retryable"] == true)
        }
    }

    @Test("messages of one client are taken in the order they were sent, though the first takes longer")
    func sendOrder() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            let (stream, gate) = AsyncStream<Void>.makeStream()
            bench.engine.state.withLock { $0.gates = [stream] }
            for number in 0..<20 { try await client.send(chatSend("k\(number)", id: "s\(number)", text: "\(number)")) }
            #expect(try await client.ask("health")["ok"] == true)
            gate.finish()
            _ = try await client.answer("s19")
            #expect(bench.engine.state.withLock { $0.sent.map(\.text) } == (0..<20).map(String.init))
        }
    }

    @Test(
        "a stop word stops the session's runs instead of being answered",
        arguments: ["/stop", " STOP ", "Esc", "interrupt"]
    )
    func stopWords(word: String) async throws {
        try await EdgeBench.run { bench in
            bench.engine.state.withLock { $0.runs = ["r1"] }
            let client = try await bench.client()
            try await client.send(chatSend("k", id: "s", text: word))
            #expect(try await client.answer("s")["payload"] == ["ok": true, "aborted": true, "runIds": ["r1"]])
            #expect(bench.engine.state.withLock { $0.aborted } == ["main * stop"])
            #expect(bench.engine.state.withLock { $0.sent.isEmpty })
            try await client.send(chatSend("k", id: "t", text: "please stop"))
            #expect(try await client.answer("t")["payload"]?["status"] == "started")
        }
    }

    @Test("chat.abort hands on what it is given, and says what was running")
    func abort() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            let none = try await client.ask("chat.abort", ["sessionKey": "s", "runId": "r"])
            #expect(none["payload"] == ["ok": true, "aborted": false, "runIds": []])
            #expect(bench.engine.state.withLock { $0.aborted } == ["s r rpc"])
            bench.engine.state.withLock { $0.error = .invalid("runId does not match sessionKey") }
            let wrong = try await client.ask("chat.abort", ["sessionKey": "s", "runId": "r"])
            #expect(wrong["error"] == ["code": "INVALID_REQUEST", "message": "runId does not match sessionKey"])
        }
    }

    @Test("history and sessions are passed through as the engine wrote them, failures in its words")
    func passingThrough() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            bench.engine.state.withLock {
                $0.history = #"{"sessionKey":"main","messages":[{"role":"user","content":"ü"}]}"#
            }
            let history = try await client.ask("chat.history", ["sessionKey": "main"])
            #expect(history["payload"]?["messages"]?.items?.first?["content"] == "ü")
            #expect(try await client.ask("sessions.list", .object([]))["payload"]?["path"] == "/s")
            bench.engine.state.withLock { $0.error = .unavailable("the agent does not answer") }
            #expect(
                try await client.ask("chat.history", ["sessionKey": "main"])["error"] == [
                    "code": "UNAVAILABLE", "message": "the agent does not answer",
                ]
            )
            #expect(try await client.ask("status")["ok"] == true, "status is what one calls when something is broken")
        }
    }

    @Test(
        "wrong params are named in the schema checker's words",
        arguments: [
            (
                "chat.send", ["sessionKey": "s"],
                "must have required property 'message'; must have required property 'idempotencyKey'"
            ),
            (
                "chat.send", ["sessionKey": 1, "message": "m", "idempotencyKey": ""],
                "at /sessionKey: must be string; at /idempotencyKey: must NOT have fewer than 1 characters"
            ),
            ("chat.history", ["sessionKey": "s", "limit": 1001], "at /limit: must be <= 1000"),
            ("chat.history", ["sessionKey": "s", "limit": 0], "at /limit: must be >= 1"),
            ("chat.history", ["sessionKey": "s", "limit": 1.5], "at /limit: must be integer"),
            ("chat.history", ["sessionKey": "s", "x": 1], "at root: unexpected property 'x'"),
            ("sessions.list", ["limit": 0], "at /limit: must be >= 1"),
            ("models.list", ["x": 1], "at root: unexpected property 'x'"),
            ("channels.status", ["probe": "yes"], "at /probe: must be boolean"),
            ("workers.restart", [], "must be object"),
        ] as [(String, WireValue, String)]
    )
    func wrongParams(method: String, params: WireValue, words: String) async throws {
        try await EdgeBench.run { bench in
            let answer = try await bench.client().ask(method, params)
            #expect(answer["error"]?["code"] == "INVALID_REQUEST")
            #expect(answer["error"]?["message"]?.text == "invalid \(method) params: \(words)")
        }
    }

    @Test("an empty message and an attachment are refused, any word for thinking is taken")
    func leniency() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            try await client.send(chatSend("k", id: "e", text: " \n"))
            #expect(try await client.answer("e")["error"]?["message"] == "message or attachment required")
            let base: WireValue = ["sessionKey": "s", "message": "m", "idempotencyKey": "k"]
            let thinking = base.members.map { WireValue.object($0 + [.init(name: "thinking", value: "enabled")]) }
            #expect(try await client.ask("chat.send", thinking)["ok"] == true)
            let attached = base.members.map {
                WireValue.object($0 + [.init(name: "attachments", value: [["content": "x"]])])
            }
            #expect(
                try await client.ask("chat.send", attached)["error"]?["message"]?.text?.contains(
                    "attachment 1 is not base64"
                ) == true
            )
        }
    }
}

extension WireValue: ExpressibleByFloatLiteral {
    /// A number that is not whole.
    public init(floatLiteral value: Double) { self = .double(value) }
}
