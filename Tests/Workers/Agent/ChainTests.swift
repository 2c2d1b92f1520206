import Config
import IPCHub
import Runtime
import Testing

@testable import Agent

@Suite("From model to model")
struct ChainTests {
    private static let hello: [FakeModels.Step] = [.text("Hello"), .finish("end_turn")]
    private static let main = SessionKey("main", agent: "main")

    private static func target(_ model: String, context: UInt32 = 0, alias: String = "") -> HubModelTarget {
        var target = HubModelTarget()
        target.model = model
        target.worker = "model:\(ModelName(model).provider)"
        target.contextTokens = context
        target.alias = alias
        return target
    }

    private static func turn(_ id: String, _ text: String, _ fallbacks: [HubModelTarget]) -> HubTurn {
        var turn = Bench.turn(id, text)
        turn.candidates = [target("anthropic/test-model", context: 1000)] + fallbacks
        return turn
    }

    private static let gpt = target("openai/gpt", context: 500, alias: "gpt")

    @Test("the next model answers when the first cannot, and the answer says so once per change")
    func fallback() async throws {
        let busy: [FakeModels.Step] = [.next(.overloaded, attempts: 2)]
        let models = FakeModels(busy, Self.hello, busy, Self.hello, Self.hello, busy, Self.hello)
        let bench = try Bench(models)
        let first = try await bench.run(Self.turn("t1", "hi", [Self.gpt]))
        #expect(first.status == .ok && first.model == "openai/gpt")
        #expect(first.text == "(openai/gpt answers: anthropic/test-model is overloaded.)\n\nHello")
        #expect(models.targets == ["model:anthropic", "model:openai"])
        #expect(models.calls[1].request.model == "gpt" && models.calls[1].request.attemptsLeft == 4)
        #expect(models.calls[0].request.caller.sessionKey == "agent:main:main")
        #expect(try await bench.run(Self.turn("t2", "hi", [Self.gpt])).text == "Hello")
        let status = try await bench.run(Self.turn("s1", "/model", [Self.gpt])).text
        #expect(status.contains("openai/gpt answered last, because anthropic/test-model is overloaded"))
        // The first answers again, silently; the next change is told again.
        #expect(try await bench.run(Self.turn("t3", "hi", [Self.gpt])).text == "Hello")
        #expect(try await bench.store.entry(Self.main)?["fallbackNoticeActiveModel"] == nil)
        #expect(try await bench.run(Self.turn("t4", "hi", [Self.gpt])).text.hasPrefix("(openai/gpt answers"))
    }

    @Test("a turn that is run again says the same, notices and all")
    func again() async throws {
        var turn = Self.turn("t1", "hi", [Self.gpt])
        turn.notice = "Today's budget is spent."
        let bench = try Bench(FakeModels([.next(.billing, attempts: 1)], Self.hello))
        let first = try await bench.run(turn)
        #expect(first.text.hasPrefix("Today's budget is spent.\n\n(openai/gpt answers"))
        let second = try await Bench(FakeModels(), directory: bench.directory).run(turn)
        #expect(second.text == first.text)
    }

    @Test("when all fail, one sentence names each and what to do")
    func allFail() async throws {
        let bench = try Bench(FakeModels([.next(.billing, attempts: 1)], [.next(.auth, attempts: 1)]))
        let done = try await bench.run(Self.turn("t1", "hi", [Self.gpt]))
        #expect(done.status == .error && done.text.contains("no credit left"))
        #expect(done.text.hasSuffix("I asked openai/gpt as well, which refuses my credentials."))
    }

    @Test("a change that nobody was told is told with the next answer")
    func untold() async throws {
        let busy: [FakeModels.Step] = [.next(.overloaded, attempts: 1)]
        let bench = try Bench(FakeModels(busy, busy, busy, Self.hello))
        #expect(try await bench.run(Self.turn("t1", "hi", [Self.gpt])).status == .error)
        #expect(try await bench.run(Self.turn("t2", "hi", [Self.gpt])).text.hasPrefix("(openai/gpt answers"))
    }

    @Test("after content nobody else is asked: the part is kept, sent and said to be a part")
    func partial() async throws {
        let models = FakeModels([.text("Once upon"), .fail(.cut, "reset")], Self.hello)
        let bench = try Bench(models)
        let done = try await bench.run(Self.turn("t1", "a story", [Self.gpt]))
        #expect(done.status == .error && done.text.hasPrefix("Once upon\n\n(The answer is not complete: "))
        #expect(models.targets == ["model:anthropic"])
        let again = try Bench(FakeModels(), directory: bench.directory)
        #expect(try await again.run(Self.turn("t1", "a story", [Self.gpt])).text == done.text)
        _ = try await bench.run(Self.turn("t2", "go on", [Self.gpt]))
        #expect(
            models.calls.last?.messages.map { $0.blocks.map(\.text).joined() } == ["a story", "Once upon", "go on"]
        )
    }

    @Test("an answer costs six attempts at most, over all models")
    func attempts() async throws {
        let models = FakeModels(
            [.next(.rateLimit, attempts: 4)],
            [.next(.rateLimit, attempts: 2)],
            Self.hello
        )
        let bench = try Bench(models)
        let done = try await bench.run(Self.turn("t1", "hi", [Self.gpt, Self.target("google/gemini")]))
        #expect(done.status == .error && models.calls.map(\.request.attemptsLeft) == [6, 2])
    }

    @Test("a conversation that is too long goes only to a model that reads more")
    func context() async throws {
        let large = Self.target("google/gemini", context: 2000)
        let models = FakeModels([.next(.context, attempts: 1)], Self.hello, [.next(.context, attempts: 1)])
        let bench = try Bench(models)
        let done = try await bench.run(Self.turn("t1", "hi", [Self.gpt, Self.target("x/unknown"), large]))
        #expect(models.targets == ["model:anthropic", "model:google"])
        #expect(done.text.contains("cannot read so long a conversation"))
        let failed = try await bench.run(Self.turn("t2", "hi", [Self.gpt]))
        #expect(failed.status == .error && failed.text.contains("has become too long for anthropic/test-model"))
    }

    @Test("a refused request goes once to another provider")
    func otherDialect() async throws {
        let sibling = Self.target("anthropic/other")
        let refusal: [FakeModels.Step] = [.next(.badRequest, attempts: 1)]
        let models = FakeModels(refusal, refusal, Self.hello)
        let bench = try Bench(models)
        let done = try await bench.run(Self.turn("t1", "hi", [sibling, Self.gpt, Self.target("google/gemini")]))
        #expect(models.targets == ["model:anthropic", "model:openai"] && done.status == .error)
    }

    @Test("when everything cools the first that may have recovered is asked all the same, once")
    func lastResort() async throws {
        let models = FakeModels([.next(.timeout, attempts: 0)], [.next(.rateLimit, attempts: 0)], Self.hello)
        let bench = try Bench(models)
        let done = try await bench.run(Self.turn("t1", "hi", [Self.gpt]))
        #expect(done.status == .ok && done.text == "Hello" && models.targets.last == "model:anthropic")
        #expect(models.calls.map(\.request.byChoice) == [false, false, true])
        let limited = try Bench(
            FakeModels([.next(.rateLimit, attempts: 0)], [.next(.rateLimit, attempts: 0)], Self.hello)
        )
        #expect(try await limited.run(Self.turn("t1", "hi", [Self.gpt])).status == .error)
    }

    @Test("a worker that keeps dying is left for the next model")
    func workerLost() async throws {
        let models = FakeModels([.cut], [.cut], [.cut], Self.hello)
        let bench = try Bench(models)
        let done = try await bench.run(Self.turn("t1", "hi", [Self.gpt]))
        #expect(done.status == .ok && done.model == "openai/gpt")
    }

    @Test("a model without a worker is passed over")
    func unavailable() async throws {
        var turn = Self.turn("t1", "hi", [Self.gpt])
        turn.modelWorker = ""
        turn.unavailable = "no key"
        turn.candidates[0].worker = ""
        let done = try await Bench(FakeModels(Self.hello)).run(turn)
        #expect(done.text == "(openai/gpt answers: anthropic/test-model is not available.)\n\nHello")
        turn.candidates[1].worker = ""
        #expect(try await Bench(FakeModels()).run(turn).text == "no key")
    }

    @Test("the rounds of a turn stay with the model that answered the first")
    func rounds() async throws {
        let models = FakeModels(
            [.next(.overloaded, attempts: 1)],
            [.tool(id: "c1", name: "session_status", input: "{}"), .finish("tool_use")],
            Self.hello
        )
        _ = try await Bench(models).run(Self.turn("t1", "hi", [Self.gpt]))
        #expect(models.targets == ["model:anthropic", "model:openai", "model:openai"])
    }

    @Test("what a model thinks is not said")
    func thinking() async throws {
        let bench = try Bench(FakeModels([.thinking("hmm")] + Self.hello))
        #expect(try await bench.run(Self.turn("t1", "hi", [])).text == "Hello")
        #expect(bench.gateway.shownText == "Hello")
    }

    // MARK: /model

    private static func choosing(_ id: String, _ text: String) -> HubTurn {
        var turn = turn(id, text, [gpt])
        var any = HubModelTarget()
        (any.model, any.worker) = ("openrouter/*", "model:openrouter")
        var gone = target("mistral/large")
        (gone.worker, gone.unavailable) = ("", "MISTRAL_API_KEY is not set")
        turn.choices = [target("google/gemini"), any, gone]
        return turn
    }

    @Test(
        "a model is chosen by alias, full name, bare name, number, or under a provider that takes any",
        arguments: [
            ("gpt", "openai/gpt", "model:openai"), ("GPT", "openai/gpt", "model:openai"),
            ("google/gemini", "google/gemini", "model:google"), ("gemini", "google/gemini", "model:google"),
            ("3", "google/gemini", "model:google"), ("openrouter/a/b:free", "openrouter/a/b:free", "model:openrouter"),
            ("openai/gpt-9", "openai/gpt-9", "model:openai"), ("other-1", "anthropic/other-1", "model:anthropic"),
        ]
    )
    func choose(_ written: String, _ model: String, _ worker: String) async throws {
        let models = FakeModels(Self.hello)
        let bench = try Bench(models)
        let told = try await bench.run(Self.choosing("t1", "/model \(written)")).text
        #expect(told.hasPrefix("From now on \(model) answers this conversation"))
        let done = try await bench.run(Self.choosing("t2", "hi"))
        #expect(done.model == model && models.targets == [worker])
        #expect(models.calls.last?.request.byChoice == true)
    }

    @Test("a choice fails visibly: nothing is asked in its place")
    func strict() async throws {
        let models = FakeModels([.next(.overloaded, attempts: 2)], Self.hello)
        let bench = try Bench(models)
        _ = try await bench.run(Self.choosing("t1", "/model gemini"))
        let done = try await bench.run(Self.choosing("t2", "hi"))
        #expect(
            done.status == .error && done.text.contains("Google is overloaded") && models.targets == ["model:google"]
        )
        #expect(done.text.contains("/model default goes back to anthropic/test-model"))
        var lost = Bench.turn("t3", "hi")
        lost.candidates = [Self.target("anthropic/test-model")]
        let gone = try await bench.run(lost)
        #expect(gone.text.contains("google/gemini, which cannot be had here any more"))
        _ = try await bench.run(Self.choosing("t4", "/model default"))
        #expect(try await bench.run(Self.choosing("t5", "hi")).text == "Hello")
    }

    @Test("the configured model can be chosen too: it is asked while it cools, and nothing in its place")
    func own() async throws {
        let models = FakeModels([.next(.billing, attempts: 1)], Self.hello)
        let bench = try Bench(models)
        let told = try await bench.run(Self.choosing("t1", "/model anthropic/test-model")).text
        #expect(told.hasPrefix("From now on anthropic/test-model answers this conversation"))
        #expect(told.hasSuffix("/model default lets others answer again when it fails."))
        let done = try await bench.run(Self.choosing("t2", "hi"))
        #expect(done.status == .error && models.targets == ["model:anthropic"])
        #expect(models.calls.last?.request.byChoice == true)
        #expect(try await bench.run(Self.choosing("t3", "/model")).text.contains("nothing answers in its place"))
        _ = try await bench.run(Self.choosing("t4", "/model default"))
        _ = try await bench.run(Self.choosing("t5", "hi"))
        #expect(models.calls.last?.request.byChoice == false)
    }

    // MARK: /think

    @Test("a level that a conversation chose goes to the model, until it is given back")
    func think() async throws {
        let models = FakeModels(Self.hello, Self.hello, Self.hello)
        let bench = try Bench(models)
        #expect(
            try await bench.run(Bench.turn("t1", "/think")).text.hasPrefix("Thinking: as the model is used to. /think")
        )
        #expect(try await bench.run(Bench.turn("t2", "/think:High")).text.hasPrefix("Thinking: high, where"))
        #expect(try await bench.store.entry(Self.main)?["thinkingLevel"] == "high")
        _ = try await bench.run(Bench.turn("t3", "hi"))
        #expect(try await bench.run(Bench.turn("t4", "/t max7")).text.contains("max7 is no level of thinking: off,"))
        // What was chosen for the conversation outlives its contents.
        _ = try await bench.run(Bench.turn("t5", "/new hi"))
        _ = try await bench.run(Bench.turn("t6", "/think default"))
        _ = try await bench.run(Bench.turn("t7", "hi"))
        #expect(models.calls.map(\.request.thinking) == ["high", "high", ""])
    }

    @Test("a level that a message brings counts for it alone")
    func thinkOnce() async throws {
        let models = FakeModels(Self.hello, Self.hello, Self.hello)
        let bench = try Bench(models)
        _ = try await bench.run(Bench.turn("t1", "/think low"))
        for (id, level) in [("t2", "HIGH"), ("t3", "enabled"), ("t4", "")] {
            var turn = Bench.turn(id, "hi")
            turn.message.thinking = level
            _ = try await bench.run(turn)
        }
        #expect(models.calls.map(\.request.thinking) == ["high", "low", "low"])
        #expect(try await bench.store.entry(Self.main)?["thinkingLevel"] == "low")
    }

    @Test("where a conversation says nothing, what is configured counts; a word that is none counts for nothing")
    func usualThinking() {
        var entry = JSONObject()
        #expect(ThinkingChoice.resolve(entry, usual: "Low") == "low" && ThinkingChoice.resolve(entry, usual: "x") == "")
        entry["thinkingLevel"] = "off"
        #expect(ThinkingChoice.resolve(entry, usual: "high") == "off")
        entry["thinkingLevel"] = "nonsense"
        #expect(ThinkingChoice.resolve(entry, usual: "high") == "high")
        #expect(ThinkingChoice.apply("default", &entry, usual: "high").hasPrefix("Thinking: high, where"))
        #expect(entry["thinkingLevel"] == nil)
    }

    @Test("a key can be chosen with the model")
    func profile() async throws {
        let models = FakeModels(Self.hello)
        let bench = try Bench(models)
        #expect(
            try await bench.run(Self.choosing("t1", "/model gpt@openai:work")).text.contains("with the key openai:work")
        )
        _ = try await bench.run(Self.choosing("t2", "hi"))
        #expect(models.calls.last?.request.profile == "openai:work")
        #expect(try await bench.run(Self.choosing("t3", "/model gpt@google:x")).text.contains("is no key of openai"))
    }

    @Test("what cannot be had is refused with its reason, and the list says what can")
    func list() async throws {
        let bench = try Bench(FakeModels())
        #expect(
            try await bench.run(Self.choosing("t1", "/model mistral/large")).text.contains("MISTRAL_API_KEY is not set")
        )
        #expect(try await bench.run(Self.choosing("t2", "/model nobody/x")).text.contains("no provider nobody"))
        let list = try await bench.run(Self.choosing("t3", "/model list")).text
        #expect(list.contains("1. anthropic/test-model ← answers here\n2. openai/gpt (gpt)\n3. google/gemini\n"))
        #expect(list.contains("5. mistral/large – not available: MISTRAL_API_KEY is not set"))
        #expect(try await bench.run(Self.choosing("t4", "/models")).text == list)
    }
}
