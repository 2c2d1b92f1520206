internal import Config
internal import Journal
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("model and usage methods over real sockets")
struct ModelMethodTests {
    private static let future: Int64 = 4_000_000_000_000

    /// As a model worker has it kept.
    private static let kept = """
        {"version":1,"profiles":[{"id":"openai:work","fingerprint":"f","lastUsed":5}],
         "cooldowns":[
          {"profile":"openai:work","model":"gpt-5.5","kind":"rate_limit","since":1,"until":\(future),"status":429,"cause":"slow\\n down"},
          {"profile":"openai:work","kind":"billing","since":1,"until":\(future),"nextProbe":\(future - 5),"strikes":1,"cause":"no money"},
          {"profile":"openai:old","kind":"auth","since":1,"until":2},
          {"kind":7}, 8]}
        """

    private func config(_ config: inout GatewayConfig) {
        config.models = [
            ModelWorkerEntry(worker: "model:openai", provider: "openai"),
            ModelWorkerEntry(worker: "model:google", provider: "google"),
        ]
        config.agents[0].model.primary = ModelRef(model: "openai/gpt-5.5", worker: "model:openai")
        config.agents[0].model.fallbacks = [ModelRef(model: "nobody/x", unavailable: "no key")]
        var model = CatalogModel(model: "google/gemini-3.5-flash")
        model.worker = "model:google"
        model.alias = "flash"
        model.contextTokens = 1_000_000
        model.isReasoning = true
        model.readsImages = true
        config.catalog = [model]
    }

    private func ready(_ id: String) -> WorkerRow {
        var row = WorkerRow(id: id, kind: "model")
        row.state = "ready"
        return row
    }

    private func keep(_ bench: EdgeBench) {
        let state = KeptModelState(provider: "openai", cooldowns: Array(Self.kept.utf8), savedAt: 9)
        bench.engine.state.withLock { $0.kept = [state] }
    }

    @Test("models that can be had are listed with what is known of them, the rest is not")
    func list() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            let client = try await bench.client(scopes: ["operator.read"])
            let models = try await client.ask("models.list", .object([]))["payload"]?["models"]
            #expect(
                models == [
                    [
                        "id": "gemini-3.5-flash", "name": "flash", "provider": "google", "contextWindow": 1_000_000,
                        "reasoning": true, "input": ["text", "image"],
                    ],
                    ["id": "gpt-5.5", "name": "gpt-5.5", "provider": "openai"],
                ]
            )
        }
    }

    @Test("of a worker that does not run the kept state is told, and it is not started for that")
    func kept() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            keep(bench)
            let client = try await bench.client(scopes: ["operator.read"])
            let status = try #require(try await client.ask("models.status", .object([]))["payload"])
            let openai = try #require(status["providers"]?.items?.first)
            #expect(openai["provider"] == "openai" && openai["live"] == false && openai["savedAt"] == 9)
            #expect(openai["keys"] == [["profile": "openai:work", "lastUsedAt": 5]])
            let cooldowns = try #require(openai["cooldowns"]?.items)
            #expect(cooldowns.map { $0["kind"]?.text } == ["billing", "rate-limit"])
            #expect(cooldowns[0]["words"] == "no money left")
            #expect(cooldowns[1]["cause"] == "slow down")
            #expect(status["agents"]?.items?.first?["fallbacks"] == [["model": "nobody/x", "unavailable": "no key"]])
            #expect(bench.engine.state.withLock { $0.asked }.isEmpty)
            let usage = try await client.ask("usage.status", .object([]))["payload"]
            #expect(usage?["providers"]?.items?.first?["error"] == "billing: no money")
            #expect(usage?["providers"]?.items?.last?["windows"] == [])
        }
    }

    @Test("a worker that runs is asked, and one that says nothing is told of as it was kept")
    func live() async throws {
        try await EdgeBench.run {
            config(&$0.config)
            $0.rows = [ready("model:openai"), ready("model:google")]
        } _: { bench in
            keep(bench)
            bench.engine.state.withLock {
                $0.answers["model:google"] =
                    """
                    {"profiles":[{"id":"google:default","mode":"api_key","secret":"s","state":"locked","kind":"auth",
                      "until":\(Self.future),"models":[{"model":"x","kind":"timeout","until":\(Self.future)}]}],
                     "models":[{"model":"*","kind":"unreachable","until":\(Self.future)}],"worker":{"streams":2}}
                    """
            }
            let client = try await bench.client(scopes: ["operator.read"])
            let providers = try #require(
                try await client.ask("models.status", .object([]))["payload"]?["providers"]?.items
            )
            #expect(providers.map { $0["live"] } == [false, true])
            #expect(providers[0]["cooldowns"]?.items?.count == 2)
            #expect(providers[1]["keys"] == [["profile": "google:default", "mode": "api_key", "state": "locked"]])
            #expect(
                providers[1]["cooldowns"]?.items?.map { "\($0["profile"]?.text ?? "-") \($0["model"]?.text ?? "-")" }
                    == [
                        "- -", "google:default -", "google:default x",
                    ]
            )
            #expect(providers[1]["load"]?["streams"] == 2)
            let one = try await client.ask("models.status", ["provider": "google"])["payload"]?["providers"]?.items
            #expect(one?.map { $0["provider"]?.text } == ["google"])
        }
    }

    @Test("probe and clear ask the provider's worker by key and model, all of them without a name, and are a writer's")
    func orders() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            bench.engine.state.withLock { $0.answers = ["model:openai": #"{"cleared":1}"#] }
            let reader = try await bench.client(scopes: ["operator.read"])
            #expect(
                try await reader.ask("models.clear", .object([]))["error"]?["message"]
                    == "missing scope: operator.write"
            )
            let writer = try await bench.client(scopes: ["operator.write"])
            let cleared = try await writer.ask("models.clear", ["profile": "openai:work", "model": "openai/gpt-5.5"])
            #expect(cleared["payload"]?["providers"] == [["provider": "openai", "ok": true, "result": ["cleared": 1]]])
            let probed = try await writer.ask("models.probe", .object([]))
            let both = try #require(probed["payload"]?["providers"]?.items)
            #expect(both.map { $0["ok"] } == [true, false])
            #expect(both[1]["error"] == "model:google did not answer in time")
            let failed = try await writer.ask("models.clear", ["provider": "google"])
            #expect(failed["error"]?["message"] == "model:google did not answer in time")
            #expect(
                bench.engine.state.withLock { $0.asked } == [
                    #"model:openai clear {"profile":"openai:work","model":"gpt-5.5"} 15000"#,
                    #"model:openai probe {"model":"gpt-5.5"} 60000"#,
                    #"model:google probe {"model":"gemini-3.5-flash"} 60000"#, "model:google clear {} 15000",
                ]
            )
            let unknown = try await writer.ask("models.probe", ["provider": "opnai"])
            #expect(
                unknown["error"]?["message"]
                    == "there is no provider \"opnai\" with a key: there are openai, google"
            )
        }
    }

    // MARK: Usage

    private func sum(_ day: String, _ model: String, _ end: String, _ attempts: Int, cost: Int64, unpriced: Int = 0)
        -> LedgerSum
    {
        var sum = LedgerSum(day: day, agent: "main", provider: "openai", model: model, end: end)
        sum.attempts = attempts
        sum.tokens.input = 10
        sum.tokens.output = 20
        sum.tokens.cacheRead = 3
        sum.tokens.cacheWrite = 4
        sum.cost = cost
        sum.unpriced = unpriced
        return sum
    }

    @Test("usage.cost answers in OpenClaw's shape, days that used something and their totals")
    func cost() async throws {
        try await EdgeBench.run { bench in
            let days = LocalDay.last(3, to: EdgeClock.real.wall())
            let sums = [
                sum(days[0], "a", "finished", 1, cost: 1_500_000_000),
                sum(days[2], "a", "finished", 2, cost: 500_000_000),
                sum(days[2], "b", "failed", 3, cost: 0, unpriced: 1),
            ]
            bench.engine.state.withLock { $0.sums = sums }
            let client = try await bench.client(scopes: ["operator.read"])
            let cost = try #require(try await client.ask("usage.cost", ["days": 3])["payload"])
            #expect(cost["days"] == 3)
            #expect(cost["daily"]?.items?.map { $0["date"]?.text } == [days[0], days[2]])
            let totals: WireValue = [
                "input": 30, "output": 60, "cacheRead": 9, "cacheWrite": 12, "totalTokens": 111, "totalCost": 2,
                "missingCostEntries": 1,
            ]
            #expect(cost["totals"] == totals)
            #expect(cost["daily"]?.items?.first?["totalCost"] == .double(1.5))
            let today = try await client.ask("usage.cost", ["days": 1])["payload"]
            #expect(today?["totals"]?["totalCost"] == .double(0.5))
            let wrong = try await client.ask("usage.cost", ["days": 401])
            #expect(wrong["error"]?["message"] == "invalid usage.cost params: at /days: must be <= 400")
        }
    }

    @Test("usage.report has every day, by model and end, and today's limits")
    func report() async throws {
        try await EdgeBench.run {
            $0.config.spend.perDay = 0.4
            $0.config.spend.perAgent = ["other": 1]
        } _: { bench in
            let days = LocalDay.last(30, to: EdgeClock.real.wall())
            let sums = [
                sum(days[29], "cheap", "finished", 2, cost: 1), sum(days[29], "dear", "finished", 1, cost: 500_000_000),
                sum(days[29], "dear", "failed", 4, cost: 0, unpriced: 2),
            ]
            bench.engine.state.withLock { $0.sums = sums }
            let client = try await bench.client(scopes: ["operator.read"])
            let report = try #require(try await client.ask("usage.report", .object([]))["payload"])
            #expect(report["daily"]?.items?.map { $0["date"]?.text } == days)
            let today = try #require(report["daily"]?.items?.last)
            #expect(today["ends"] == ["failed": 4, "finished": 3])
            #expect(today["models"]?.items?.map { $0["model"]?.text } == ["openai/dear", "openai/cheap"])
            #expect(report["models"]?.items?.first?["attempts"] == 5)
            #expect(report["agents"]?.items?.first?["agentId"] == "main")
            let limits = try #require(report["spend"]?["limits"]?.items)
            #expect(limits.map { $0["isReached"] } == [true, false])
            #expect(report["spend"]?["missingCostEntries"] == 2)
        }
    }

    @Test("in safe mode and without a journal the methods fail in words")
    func unavailable() async throws {
        try await EdgeBench.run { bench in
            bench.engine.state.withLock { $0.error = .unavailable("The journal does not answer: full.") }
            let client = try await bench.client(scopes: ["operator.read"])
            for method in ["usage.cost", "usage.report", "usage.status", "models.status"] {
                let answer = try await client.ask(method, .object([]))
                #expect(answer["error"]?["message"] == "The journal does not answer: full.", "\(method)")
            }
        }
    }
}
