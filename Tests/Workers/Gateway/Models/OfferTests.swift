import Config
import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

@Suite("models of a turn, and what a day may cost")
struct OfferTests {
    private func config(_ change: (inout GatewayConfig) -> Void = { _ in }) -> GatewayConfig {
        var config = Bench.config()
        config.models = [
            ModelWorkerEntry(worker: "model:anthropic", provider: "anthropic"),
            ModelWorkerEntry(worker: "model:openai", provider: "openai"),
        ]
        config.agents[0].model.primary = ModelRef(model: "anthropic/claude-opus-5-5", worker: "model:anthropic")
        config.agents[0].model.fallbacks = [
            ModelRef(model: "openai/gpt-5.5", worker: "model:openai"),
            ModelRef(model: "google/gemini-3.5-flash", unavailable: "No API key found for provider \"google\"."),
            ModelRef(model: "openai/gpt-5.5", worker: "model:openai"),
        ]
        var listed = CatalogModel(model: "openai/gpt-5-mini")
        listed.worker = "model:openai"
        listed.alias = "small"
        listed.contextTokens = 400_000
        config.catalog = [listed]
        config.transcribers = [ModelRef(model: "openai/gpt-4o-mini-transcribe", worker: "model:openai")]
        change(&config)
        return config
    }

    private func limited(_ then: SpendConfig.Then, _ change: (inout SpendConfig) -> Void = { _ in }) -> GatewayConfig {
        config { config in
            config.spend.perDay = 1
            config.spend.then = then
            if then == .cheaper {
                config.spend.cheaperModel = ModelRef(model: "openai/gpt-5-mini", worker: "model:openai")
            }
            change(&config.spend)
            config.alerts.enabled = true
            config.session.dmScope = .perPeer
        }
    }

    /// A call that costs so many dollars (gpt-5-mini takes a quarter of one for a million tokens).
    private func spend(_ bench: Bench, _ link: Int, _ id: String, dollars: Double, agent: String = "main") {
        bench.receive(
            "model:openai",
            link,
            .ledgerRow(
                .with {
                    $0.id = id
                    $0.provider = "openai"
                    $0.model = "gpt-5-mini"
                    $0.end = "finished"
                    $0.usage.input = UInt64(dollars * 4_000_000)
                    $0.caller.agent = agent
                    $0.atMs = bench.now
                }
            )
        )
    }

    /// The next turn: a message from somebody, parsed and given to the agent.
    private func turn(_ bench: Bench, _ channel: Int, _ agent: Int, _ key: String, from sender: String = "1") throws
        -> HubTurn
    {
        bench.inbound(channel, key: key)
        bench.parse(channel) { _ in Bench.message(from: sender) }
        let turn = try #require(bench.turns(agent).last)
        bench.done(agent, turn.turnID)
        return turn
    }

    @Test("a turn names the model, its fallbacks and what else may be chosen, each once")
    func offered() throws {
        let bench = try Bench(config: config())
        let (_, _, turn) = try bench.turnRunning()
        #expect(turn.model == "anthropic/claude-opus-5-5")
        #expect(turn.modelWorker == "model:anthropic")
        #expect(
            turn.candidates.map(\.model) == ["anthropic/claude-opus-5-5", "openai/gpt-5.5", "google/gemini-3.5-flash"]
        )
        #expect(turn.candidates[2].worker.isEmpty)
        #expect(turn.candidates[2].unavailable.contains("google"))
        #expect(
            turn.choices.map(\.model) == [
                "openai/gpt-5-mini", "anthropic/claude-opus-5-5", "openai/gpt-5.5", "google/gemini-3.5-flash",
                "anthropic/*",
                "openai/*",
            ]
        )
        #expect(turn.choices[0].alias == "small")
        #expect(turn.choices[0].contextTokens == 400_000)
        #expect(turn.transcribers.map(\.model) == ["openai/gpt-4o-mini-transcribe"])
        #expect(turn.notice.isEmpty)
    }

    @Test("the demonstration model is the only one in WebChat, and is nowhere else")
    func demo() throws {
        let bench = try Bench(
            config: config {
                $0.models = [ModelWorkerEntry(worker: "model:demo", provider: "demo")]
                $0.demoModel = ModelRef(model: "demo/demonstration", worker: "model:demo")
                $0.agents[0].model = ModelRoute()
                $0.agents[0].model.primary = ModelRef(model: "", unavailable: "No model provider has a key yet.")
                $0.catalog = []
                $0.transcribers = []
            }
        )
        let (_, agent, turn) = try bench.turnRunning()
        #expect(turn.unavailable == "No model provider has a key yet.")
        #expect(turn.choices.isEmpty)
        let chat = ChatSend(sessionKey: "main", text: "hi", idempotencyKey: "k", timestampMilliseconds: 1)
        bench.done(agent, turn.turnID)
        bench.apply(.chat(token: 1, chat))
        let web = try #require(bench.turns(agent).last)
        #expect(web.candidates.map(\.model) == ["demo/demonstration"])
        #expect(web.modelWorker == "model:demo")
        #expect(web.choices.isEmpty)
    }

    @Test("at the limit nothing answers, and the person is told why and until when; the next day everything does")
    func stop() throws {
        let bench = try Bench(config: limited(.stop))
        let (channel, agent) = (bench.link(Bench.channel), bench.link(Bench.agent))
        let model = bench.link("model:openai")
        spend(bench, model, "a", dollars: 0.99)
        #expect(try turn(bench, channel, agent, "1").modelWorker == "model:anthropic")
        spend(bench, model, "b", dollars: 0.02)
        let stopped = try turn(bench, channel, agent, "2")
        #expect(stopped.modelWorker.isEmpty)
        #expect(stopped.unavailable.contains("Today's budget ($1.00) is spent"))
        #expect(stopped.candidates.allSatisfy { $0.worker.isEmpty })
        #expect(stopped.choices.allSatisfy { $0.worker.isEmpty })
        #expect(stopped.transcribers.isEmpty)
        bench.advance(86_400_000)
        #expect(try turn(bench, channel, agent, "3").modelWorker == "model:anthropic")
    }

    @Test("a cheaper model answers instead, and each conversation is told so once")
    func cheaper() throws {
        let bench = try Bench(config: limited(.cheaper))
        let (channel, agent) = (bench.link(Bench.channel), bench.link(Bench.agent))
        spend(bench, bench.link("model:openai"), "a", dollars: 2)
        let first = try turn(bench, channel, agent, "1")
        #expect(first.candidates.map(\.model) == ["openai/gpt-5-mini"])
        #expect(first.model == "openai/gpt-5-mini")
        #expect(first.notice.contains("openai/gpt-5-mini answers until midnight"))
        #expect(first.choices.filter { !$0.worker.isEmpty }.map(\.model) == ["openai/gpt-5-mini"])
        #expect(try turn(bench, channel, agent, "2").notice.isEmpty)
        #expect(try !turn(bench, channel, agent, "3", from: "2").notice.isEmpty)
    }

    @Test("an agent's own limit stops that agent alone")
    func agents() throws {
        var book = SpendBook(limited(.stop) { $0 = SpendConfig() }.spend)
        #expect(!book.isNeeded)
        var config = SpendConfig()
        config.perAgent = ["work": 1]
        book = SpendBook(config)
        book.read([], day: "d")
        var entry = LedgerEntry(id: "a", at: 1, day: "d", provider: "p", model: "m")
        entry.agent = "work"
        entry.cost = 1_000_000_000
        book.add(entry)
        guard case .stop(let sentence) = book.verdict(for: "work", on: "d") else {
            Issue.record("it goes on")
            return
        }
        #expect(sentence.contains("of work ($1.00)"))
        #expect(book.verdict(for: "main", on: "d") == .within)
        #expect(book.verdict(for: "work", on: "e") == .within)
    }

    @Test("what was spent before the gateway was started again counts")
    func restart() throws {
        let bench = try Bench(config: limited(.stop))
        spend(bench, bench.link("model:openai"), "a", dollars: 2)
        try bench.restart()
        let (channel, agent) = (bench.link(Bench.channel), bench.link(Bench.agent))
        #expect(try turn(bench, channel, agent, "1").modelWorker.isEmpty)
    }

    @Test("the owner is warned once when a limit comes near and once when it is reached, over restarts too")
    func warned() throws {
        var limits = DeliveryLimits()
        limits.day = { "\($0 / 86_400_000)" }
        let bench = try Bench(config: limited(.cheaper), limits: limits)
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "owner")
        bench.parse(channel)
        let model = bench.link("model:openai")
        func told(_ link: Int) -> [String] {
            var texts: [String] = []
            while true {
                let sends = bench.sends(link)
                guard !sends.isEmpty else { return texts }
                texts += sends.map(\.content.text)
                for send in sends { bench.result(link, send.row) }
            }
        }
        #expect(told(channel).isEmpty)
        spend(bench, model, "a", dollars: 0.79)
        #expect(told(channel).isEmpty)
        spend(bench, model, "b", dollars: 0.02)
        #expect(
            told(channel).first?.contains("nearly spent ($0.810 of $1.00); when it is, openai/gpt-5-mini answers")
                == true
        )
        spend(bench, model, "c", dollars: 0.02)
        #expect(told(channel).isEmpty)
        spend(bench, model, "d", dollars: 1)
        #expect(told(channel).first?.contains("is spent ($1.83 of $1.00)") == true)
        bench.advance(3_600_001)
        spend(bench, model, "e", dollars: 1)
        #expect(told(channel).isEmpty)
        try bench.restart()
        #expect(told(bench.link(Bench.channel)).isEmpty)
    }

    @Test("a refused key and an empty account are told to the owner, whoever answered instead; a bad moment is not")
    func keys() throws {
        let bench = try Bench(config: config { $0.alerts.enabled = true })
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "owner")
        bench.parse(channel)
        let model = bench.link("model:openai")
        func fail(_ id: String, _ kind: HubModelEvent.Failed.Kind) -> [String] {
            bench.receive(
                "model:openai",
                model,
                .ledgerRow(
                    .with {
                        $0.id = id
                        $0.provider = "openai"
                        $0.profile = "openai:work"
                        $0.end = "failed"
                        $0.kind = kind
                        $0.cause = "the provider's words"
                    }
                )
            )
            bench.wake()
            let sends = bench.sends(channel)
            for send in sends { bench.result(channel, send.row) }
            return sends.map(\.content.text)
        }
        #expect(fail("a", .rateLimit).isEmpty)
        let key = fail("b", .auth)
        #expect(key.count == 1)
        #expect(key.first?.contains("refuses our key: openai:work: the provider's words") == true)
        #expect(fail("c", .auth).isEmpty)
        let money = fail("d", .billing)
        #expect(money.first?.contains("has no money left: openai:work") == true)
        #expect(money.first?.contains("clawhold models clear") == true)
    }
}
