import FoundationEssentials
import IPCHub
import Runtime
import Synchronization
import Testing

@testable import Agent

/// What the delivery contract asks of an agent when links break and processes die.
@Suite struct ContractTests {
    private static let hello: [FakeModels.Step] = [.text("Hello"), .finish("end_turn")]

    /// A tool that changes something, and counts how often.
    private struct Counter: AgentTool {
        let count: Count
        let name = "count"
        let description = "counts"
        let schema: JSON = ["type": "object"]
        var isReadOnly = false

        final class Count: Sendable { let value = Mutex(0) }

        func run(_ arguments: JSON, context: ToolContext) async -> ToolOutcome {
            count.value.withLock { $0 += 1 }
            return ToolOutcome(text: "counted \(arguments["n"]?.integer ?? 0)")
        }
    }

    private static func opened(_ id: String, name: String = "count", result: String? = nil) -> HubToolCall {
        var call = HubToolCall()
        call.callID = id
        call.name = name
        if let result { call.result.text = result }
        return call
    }

    @Test("DONE is listed by HELLO until it is acknowledged, and sent again when the turn comes again")
    func doneIsKept() async throws {
        let bench = try Bench(FakeModels(Self.hello))
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(bench.desk.hello().unackedTurns == [done])
        #expect(bench.desk.idle(at: .now) == nil)
        let before = bench.gateway.frames.count
        await bench.desk.received(.turn(Bench.turn("t1", "hi")))
        #expect(bench.gateway.frames.dropFirst(before) == [.done(done)])
        var ack = HubTurnAck()
        ack.turnID = "t1"
        await bench.desk.received(.doneAck(ack))
        #expect(bench.desk.hello() == HubHello())
        #expect(bench.desk.idle(at: .now) != nil)
    }

    @Test("finished turns that HELLO has no room for are listed as running and sent after it")
    func helloBound() async throws {
        let long = String(repeating: "x", count: 300 * 1024)
        let models = FakeModels([.text(long), .finish("end_turn")], [.text(long), .finish("end_turn")])
        let bench = try Bench(models)
        _ = try await bench.run(Bench.turn("t1", "hi"))
        _ = try await bench.run(Bench.turn("t2", "hi"))
        let hello = bench.desk.hello()
        #expect(hello.unackedTurns.map(\.turnID) == ["t1"] && hello.runningTurns == ["t2"])
        let before = bench.gateway.frames.count
        await bench.desk.welcomed()
        let sent = bench.gateway.frames.dropFirst(before).compactMap {
            if case .done(let done) = $0 { done.turnID } else { nil }
        }
        #expect(sent == ["t2"])
    }

    @Test("a gateway that dies in a model call: the call is asked again once the link stands, and the text begins anew")
    func hubLoss() async throws {
        let shared = Shared(box: Mutex(nil))
        let (downs, down) = AsyncStream<Void>.makeStream()
        let models = FakeModels(
            [
                .text("Half an ans"),
                .run {
                    guard let bench = shared.box.withLock({ $0 }) else { return }
                    bench.gateway.isUp = false
                    bench.link.dialling()
                    down.yield()
                },
                .cut,
            ],
            Self.hello
        )
        // No retries: what the gateway's death costs must not be counted.
        let bench = try Bench(models, retries: [])
        shared.box.withLock { $0 = bench }
        await bench.desk.received(.turn(Bench.turn("t1", "hi")))
        for await _ in downs { break }
        #expect(bench.desk.hello().runningTurns == ["t1"])
        bench.gateway.isUp = true
        bench.link.welcomed()
        await bench.desk.welcomed()
        let done = try await bench.gateway.done("t1")
        #expect(done.status == .ok && done.text == "Hello")
        #expect(models.calls.count == 2)
        #expect(bench.gateway.shownText == "Hello")
        #expect(bench.gateway.events.contains { $0.replace })
        #expect(try bench.transcript().count == 3)
        shared.box.withLock { $0 = nil }
    }

    private final class Shared: Sendable {
        let box: Mutex<Bench?>
        init(box: consuming Mutex<Bench?>) { self.box = box }
    }

    @Test("a model worker that dies is asked again so many times, then the person is told")
    func modelLoss() async throws {
        let models = FakeModels([.text("Hal"), .cut], [.error(.closed)], Self.hello)
        let bench = try Bench(models)
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(done.text == "Hello" && bench.gateway.shownText == "Hello")

        let lost = try Bench(FakeModels([.cut], [.cut], [.cut]))
        let failed = try await lost.run(Bench.turn("t1", "hi"))
        #expect(failed.status == .error && failed.text == FailureSentence.workerLost)
    }

    @Test("an interruption keeps the partial answer, marked, and the next turn sees it")
    func interrupt() async throws {
        let models = FakeModels([.text("Once upon"), .hang], Self.hello)
        let bench = try Bench(models)
        await bench.desk.received(.turn(Bench.turn("t1", "a story")))
        try await bench.gateway.until { frames in
            frames.contains { if case .turnEvent(let event) = $0 { event.text == "Once upon" } else { false } }
        }
        var interrupt = HubInterrupt()
        interrupt.turnID = "t1"
        interrupt.reason = "rpc"
        await bench.desk.received(.interrupt(interrupt))
        let done = try await bench.gateway.done("t1")
        #expect(done.status == .aborted && done.stopReason == "rpc" && done.text == "Once upon")
        let last = try #require(try bench.transcript().last?["message"])
        #expect(last["stopReason"] == "aborted" && TranscriptMessage.text(last) == "Once upon")
        #expect(try await bench.store.entry(SessionKey("main", agent: "main"))?["abortedLastRun"] == true)
        _ = try await bench.run(Bench.turn("t2", "go on"))
        #expect(
            models.calls.last?.messages.map { $0.blocks.map(\.text).joined() } == ["a story", "Once upon", "go on"]
        )
    }

    @Test("a shutdown drops the turn: no DONE, no reply entry, so the gateway gives it out again")
    func shutdown() async throws {
        let bench = try Bench(FakeModels([.text("x"), .hang]))
        await bench.desk.received(.turn(Bench.turn("t1", "hi")))
        try await bench.gateway.until { frames in
            frames.contains { if case .turnEvent(let event) = $0 { event.text == "x" } else { false } }
        }
        await bench.desk.close(by: .now)
        while bench.desk.runningCount > 0 { await Task.yield() }
        #expect(!bench.gateway.frames.contains { if case .done = $0 { true } else { false } })
        #expect(bench.desk.hello() == HubHello())
        #expect(try bench.transcript().count == 2)
        await bench.desk.received(.turn(Bench.turn("t2", "hi")))
        #expect(bench.desk.runningCount == 0)
    }

    @Test("a turn has a limit, and the person is told that it was reached")
    func turnLimit() async throws {
        let bench = try Bench(FakeModels([.hang]), turnLimit: .milliseconds(20))
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(done.status == .error && done.text == FailureSentence.tookTooLong(60))
    }

    @Test("turns of one session run one after another, of two sessions together")
    func lanes() async throws {
        let bench = try Bench(FakeModels([.text("x"), .hang], [.text("y"), .hang], Self.hello))
        await bench.desk.received(.turn(Bench.turn("t1", "1")))
        await bench.desk.received(.turn(Bench.turn("t2", "2")))
        await bench.desk.received(.turn(Bench.turn("t3", "3", session: "agent:main:other")))
        #expect(bench.desk.runningCount == 2)
        #expect(bench.desk.hello().runningTurns.sorted() == ["t1", "t2", "t3"])
        var interrupt = HubInterrupt()
        interrupt.turnID = "t2"
        interrupt.reason = "stop"
        await bench.desk.received(.interrupt(interrupt))
        #expect(try await bench.gateway.done("t2").status == .aborted)
        for id in ["t1", "t3"] {
            interrupt.turnID = id
            await bench.desk.received(.interrupt(interrupt))
            _ = try await bench.gateway.done(id)
        }
    }

    // MARK: Tool calls

    private static let counting: [FakeModels.Step] = [
        .tool(id: "c1", name: "count", input: #"{"n":1}"#), .finish("tool_use"),
    ]

    @Test("a tool call that an earlier attempt opened is not run again: the model is told that its effect is unknown")
    func unknownEffect() async throws {
        let count = Counter.Count()
        let first = try Bench(FakeModels(Self.counting), tools: [Counter(count: count)])
        first.gateway.acknowledges = false
        await first.desk.received(.turn(Bench.turn("t1", "count")))
        try await first.gateway.until { $0.contains { if case .toolOpen = $0 { true } else { false } } }

        // The agent dies there; the journal has the call without a result.
        let models = FakeModels(Self.hello)
        let second = try Bench(models, directory: first.directory, tools: [Counter(count: count)])
        var turn = Bench.turn("t1", "count")
        turn.toolCalls = [Self.opened("c1")]
        let done = try await second.run(turn)
        #expect(done.status == .ok && count.value.withLock { $0 } == 0)
        let result = try #require(models.calls.first?.messages.last?.blocks.first).toolResult
        #expect(result.toolUseID == "c1" && result.isError && result.text == ModelHistory.unknownEffect)
        #expect(
            second.gateway.frames.contains { if case .toolClose(let call) = $0 { call.result.isError } else { false } }
        )
        #expect(!second.gateway.frames.contains { if case .toolOpen = $0 { true } else { false } })
    }

    @Test("a tool call that the journal closed gives that result without running")
    func closedResult() async throws {
        let count = Counter.Count()
        let first = try Bench(FakeModels(Self.counting), tools: [Counter(count: count)])
        first.gateway.acknowledges = false
        await first.desk.received(.turn(Bench.turn("t1", "count")))
        try await first.gateway.until { $0.contains { if case .toolOpen = $0 { true } else { false } } }
        let models = FakeModels(Self.hello)
        let second = try Bench(models, directory: first.directory, tools: [Counter(count: count)])
        var turn = Bench.turn("t1", "count")
        turn.toolCalls = [Self.opened("c1", result: "counted 1")]
        _ = try await second.run(turn)
        #expect(count.value.withLock { $0 } == 0)
        #expect(models.calls.first?.messages.last?.blocks.first?.toolResult.text == "counted 1")
    }

    @Test("a call that was never opened runs once; a read-only one may run again")
    func neverOpened() async throws {
        for isReadOnly in [false, true] {
            let count = Counter.Count()
            let tool = Counter(count: count, isReadOnly: isReadOnly)
            let first = try Bench(FakeModels(Self.counting), tools: [tool])
            first.gateway.acknowledges = false
            await first.desk.received(.turn(Bench.turn("t1", "count")))
            try await first.gateway.until { $0.contains { if case .toolOpen = $0 { true } else { false } } }
            let second = try Bench(FakeModels(Self.hello), directory: first.directory, tools: [tool])
            var turn = Bench.turn("t1", "count")
            if isReadOnly { turn.toolCalls = [Self.opened("c1")] }
            _ = try await second.run(turn)
            #expect(count.value.withLock { $0 } == 1)
        }
    }

    @Test("a call whose transcript entry was lost is told to the model in the system prompt")
    func unseenCall() async throws {
        let models = FakeModels(Self.hello)
        let bench = try Bench(models, tools: [Counter(count: Counter.Count())])
        var turn = Bench.turn("t1", "count")
        turn.toolCalls = [Self.opened("c9")]
        _ = try await bench.run(turn)
        #expect(models.calls.first?.request.system.contains("Interrupted tool calls") == true)
    }

    @Test("a link that is lost while a call is being opened is asked again when it stands")
    func reopening() async throws {
        let count = Counter.Count()
        let bench = try Bench(FakeModels(Self.counting, Self.hello), tools: [Counter(count: count)])
        bench.gateway.acknowledges = false
        await bench.desk.received(.turn(Bench.turn("t1", "count")))
        try await bench.gateway.until { $0.contains { if case .toolOpen = $0 { true } else { false } } }
        #expect(count.value.withLock { $0 } == 0)
        bench.gateway.acknowledges = true
        await bench.desk.welcomed()
        #expect(try await bench.gateway.done("t1").text == "Hello")
        #expect(count.value.withLock { $0 } == 1)
    }

    @Test("tools that do not exist, arguments that are no object and ids given twice do no harm")
    func hostileCalls() async throws {
        let count = Counter.Count()
        let models = FakeModels(
            [
                .tool(id: "a", name: "rm", input: "{}"), .tool(id: "a", name: "count", input: "[1]"),
                .tool(id: "", name: "count", input: #"{"n":2}"#), .finish("tool_use"),
            ],
            [.tool(id: "a", name: "count", input: "{}"), .finish("tool_use")],
            Self.hello
        )
        let bench = try Bench(models, tools: [Counter(count: count)])
        #expect(try await bench.run(Bench.turn("t1", "x")).text == "Hello")
        #expect(count.value.withLock { $0 } == 2)
        let results = try #require(models.calls.last?.messages).flatMap { $0.blocks.map(\.toolResult) }.filter {
            !$0.toolUseID.isEmpty
        }
        #expect(results.map(\.isError) == [true, true, false, false])
        #expect(Set(results.map(\.toolUseID)).count == 4)
    }

    @Test("rounds of tool calls end at their bound")
    func rounds() async throws {
        let endless = (0..<30).map {
            [FakeModels.Step.tool(id: "c\($0)", name: "count", input: "{}"), .finish("tool_use")]
        }
        let models = FakeModels(scripts: endless)
        let bench = try Bench(models, tools: [Counter(count: Counter.Count())])
        let done = try await bench.run(Bench.turn("t1", "x"))
        #expect(done.status == .error && done.text == FailureSentence.tooManyRounds)
        #expect(models.calls.count == ToolRun.rounds)
    }

    @Test("thinking goes back to the provider within the turn, as it came")
    func thinking() async throws {
        let raw = #"{"dialect":"anthropic","block":{"type":"thinking","thinking":"hm","signature":"s="}}"#
        let models = FakeModels([.opaque(raw)] + Self.counting, Self.hello, Self.hello)
        let bench = try Bench(models, tools: [Counter(count: Counter.Count())])
        _ = try await bench.run(Bench.turn("t1", "x"))
        #expect(models.calls[1].messages[1].blocks.map { String(decoding: $0.opaque, as: UTF8.self) } == [raw, ""])
        _ = try await bench.run(Bench.turn("t2", "y"))
        #expect(!models.calls[2].messages.contains { $0.blocks.contains { !$0.opaque.isEmpty } })
    }

    // MARK: Failures

    @Test("what the model failed with becomes one sentence, the cause goes to the log, a re-run tells the same")
    func failures() async throws {
        let kinds: [HubModelEvent.Failed.Kind] = [
            .auth, .rateLimit, .overloaded, .timeout, .cut, .badRequest, .billing, .context, .unreachable, .unknown,
        ]
        var sentences: Set<String> = []
        for kind in kinds {
            let bench = try Bench(FakeModels([.fail(kind, "the cause")], Self.hello))
            let done = try await bench.run(Bench.turn("t1", "hi"))
            #expect(done.status == .error && done.cause == "the cause" && !done.text.contains("cause"))
            sentences.insert(done.text)
            let again = try Bench(FakeModels(), directory: bench.directory)
            #expect(try await again.run(Bench.turn("t1", "hi")) == done)
            // The model is not shown what it never said.
            let models = FakeModels(Self.hello)
            let next = try Bench(models, directory: bench.directory)
            _ = try await next.run(Bench.turn("t2", "there?"))
            #expect(models.calls[0].messages.map { $0.blocks.map(\.text) } == [["hi", "there?"]])
        }
        #expect(sentences.count == kinds.count)
    }

    @Test("without a model the sentence of the gateway is the answer, and no call is made")
    func unavailable() async throws {
        let models = FakeModels()
        let bench = try Bench(models)
        var turn = Bench.turn("t1", "hi")
        turn.modelWorker = ""
        turn.unavailable = "No provider has a key."
        let done = try await bench.run(turn)
        #expect(done.status == .error && done.text == "No provider has a key." && models.calls.isEmpty)
    }

    @Test("an answer without end is ended at its bound")
    func endlessText() async throws {
        let piece = String(repeating: "ü", count: 50_000)
        let bench = try Bench(FakeModels(Array(repeating: .text(piece), count: 10)))
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(
            done.status == .ok && done.text.utf8.count == AnswerReading.textLimit && done.stopReason == "max_tokens"
        )
    }

    // MARK: Disk

    @Test("a directory that cannot be written is said in a sentence, and no model is asked")
    func unwritable() async throws {
        let directory = try TemporaryDirectory()
        directory.write("file", "x".utf8)
        let models = FakeModels(Self.hello)
        let bench = try Bench(models, directory: directory, sessions: "\(directory.path)/file")
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(done.status == .error && done.text.contains("I cannot") && done.cause.contains("/file"))
        #expect(models.calls.isEmpty)
    }

    @Test("an answer that can no longer be saved is delivered, and says so")
    func unsaved() async throws {
        let directory = try TemporaryDirectory()
        let models = FakeModels([
            .text("Hello"), .run { directory.removeAll("sessions") }, .finish("end_turn"),
        ])
        let bench = try Bench(models, directory: directory, sessions: "\(directory.path)/sessions")
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(done.status == .ok && done.text.hasPrefix("Hello\n\n(I cannot"))
        #expect(!done.cause.isEmpty)
    }
}
