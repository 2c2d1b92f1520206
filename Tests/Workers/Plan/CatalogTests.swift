import Config
import IPCControl
import Testing

@testable import Plan

@Suite("what the gateway is told of models")
struct CatalogTests {
    private static let key = ["ANTHROPIC_API_KEY": "k"]

    private func problems(_ plan: MadePlan) throws -> [String] {
        try plan.gateway().file.problems.map { "\($0.path): \($0.text)" }
    }

    @Test("models that are written down come with alias, size and price, each once")
    func models() throws {
        let plan = try makePlan(
            """
            {agents: {defaults: {models: {'anthropic/claude-y': {alias: 'Why'}}}},
             models: {providers: {anthropic: {models: [
               {id: 'claude-y', name: 'Claude Y', contextWindow: 1000000, reasoning: true, input: ['text', 'image'],
                cost: {input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25}},
               {id: 'claude-z', input: ['text']}]}}}}
            """,
            environment: Self.key
        )
        let gateway = try plan.gateway()
        #expect(gateway.catalog.map(\.model) == ["anthropic/claude-y", "anthropic/claude-z"])
        let first = try #require(gateway.catalog.first)
        #expect(first.alias == "Why")
        #expect(first.name == "Claude Y")
        #expect(first.worker == "model:anthropic")
        #expect(first.contextTokens == 1_000_000)
        #expect(first.isReasoning == true)
        #expect(first.readsImages == true)
        #expect(gateway.catalog[1].readsImages == false)
        #expect(gateway.prices.map(\.model) == ["anthropic/claude-y"])
        #expect(gateway.prices.first?.cacheWrite == 6.25)
    }

    @Test("the endpoint for other programs is off unless it is switched on; what cannot be meant is a problem")
    func endpoint() throws {
        func endpoint(_ own: String) throws -> (EndpointConfig, [String]) {
            let plan = try makePlan("{}", environment: Self.key, files: ["/data/clawhold.json": own])
            return (try plan.gateway().endpoint, try problems(plan))
        }
        #expect(try endpoint("{}").0 == EndpointConfig())
        #expect(EndpointConfig().enabled == false)
        let (on, none) = try endpoint("{models: {endpoint: {enabled: true, maxConcurrent: 1024}}}")
        #expect(on.enabled && on.maxConcurrent == 1024 && none.isEmpty)
        let (wrong, words) = try endpoint("{models: {endpoint: {enabled: 'yes', maxConcurrent: 0}}}")
        #expect(wrong == EndpointConfig())
        for path in ["models.endpoint.enabled", "models.endpoint.maxConcurrent"] {
            #expect(words.contains { $0.contains(path) }, "\(words)")
        }
    }

    @Test("prices of clawhold.json come first, and a wrong one is a problem and no price")
    func prices() throws {
        let plan = try makePlan(
            "{models: {providers: {anthropic: {models: [{id: 'claude-y', cost: {input: 5, output: 25}}]}}}}",
            environment: Self.key,
            files: [
                "/data/clawhold.json": """
                {models: {prices: {'Anthropic/claude-y': {input: 1, output: 2}, 'openrouter/*': {input: 3, output: 4},
                  bare: {input: 1, output: 1}, 'a/b': {input: 1}, 'a/c': {input: -1, output: 1}}}}
                """
            ]
        )
        let prices = try plan.gateway().prices
        #expect(prices.map(\.model) == ["anthropic/claude-y", "openrouter/*", "anthropic/claude-y"])
        #expect(prices.map(\.input) == [1, 3, 5])
        let problems = try problems(plan)
        for path in ["models.prices.bare", "models.prices.a/b", "models.prices.a/c"] {
            #expect(problems.contains { $0.contains(path) }, "\(path)")
        }
    }

    @Test("limits are read, and one that cannot be is not in force and says so")
    func spend() throws {
        func spend(_ text: String) throws -> (SpendConfig, [String]) {
            let own = "{models: {spend: \(text)}}"
            let plan = try makePlan("{}", environment: Self.key, files: ["/data/clawhold.json": own])
            return (try plan.gateway().spend, try problems(plan))
        }
        let (good, none) = try spend(
            "{perDayUSD: 5, perAgent: {Main: 1.5}, then: 'cheaper', cheaperModel: 'claude-small', warnAt: 0.5}"
        )
        #expect(good.perDay == 5)
        #expect(good.perAgent == ["main": 1.5])
        #expect(good.then == .cheaper)
        #expect(good.cheaperModel == ModelRef(model: "anthropic/claude-small", worker: "model:anthropic"))
        #expect(good.warnAt == 0.5)
        #expect(none.isEmpty)
        let (without, complaint) = try spend("{perDayUSD: 5, then: 'cheaper'}")
        #expect(without.then == .stop)
        #expect(complaint.contains { $0.contains("needs cheaperModel") })
        let (foreign, why) = try spend("{perDayUSD: 5, then: 'cheaper', cheaperModel: 'nobody/x'}")
        #expect(foreign.then == .stop)
        #expect(why.contains { $0.contains("nobody") })
        let (wrong, words) = try spend("{perDayUSD: -1, warnAt: 7}")
        #expect(wrong.perDay == nil)
        #expect(wrong.warnAt == 0.8)
        #expect(words.count == 2)
    }

    @Test("speech is for whom the configuration names, and for nobody when it is switched off")
    func transcribers() throws {
        func models(_ audio: String) throws -> [ModelRef] {
            try makePlan("{tools: {media: {audio: \(audio)}}}", environment: Self.key).gateway().transcribers
        }
        let named = try models(
            "{models: [{type: 'cli', command: 'whisper'}, {provider: 'Anthropic', model: 'ear'}, 7]}"
        )
        #expect(named == [ModelRef(model: "anthropic/ear", worker: "model:anthropic")])
        #expect(try models("{enabled: false, models: [{provider: 'anthropic', model: 'ear'}]}").isEmpty)
        #expect(try models("{}").isEmpty)
    }

    @Test("as many models as anybody writes are bounded, loudly")
    func many() throws {
        let list = (0...ModelCatalog.limit).map { "{id: 'm\($0)'}" }.joined(separator: ",")
        let plan = try makePlan("{models: {providers: {anthropic: {models: [\(list)]}}}}", environment: Self.key)
        #expect(try plan.gateway().catalog.count == ModelCatalog.limit)
        #expect(try problems(plan).contains { $0.contains("more than \(ModelCatalog.limit) models") })
    }
}
