internal import Config

/// What the gateway is told about models: those that are written down, what they cost, and what a day may.
struct ModelCatalog: Sendable {
    /// Models and prices beyond this are left out, with a problem: they are part of the gateway's configuration.
    static let limit = 500
    /// Longest name of a model in bytes.
    private static let nameLimit = 256
    /// Dollars per million tokens, and dollars a day: beyond it is a typing error.
    private static let mostDollars = 1_000_000.0
    /// What turns speech into text when nothing is written down (OpenClaw's own choices).
    private static let speech: [(provider: String, model: String)] = [
        ("openai", "gpt-4o-mini-transcribe"), ("groq", "whisper-large-v3-turbo"),
    ]

    private(set) var models: [CatalogModel] = []
    private(set) var prices: [PriceEntry] = []
    private(set) var spend = SpendConfig()
    private(set) var transcribers: [ModelRef] = []
    private(set) var problems: [ConfigProblem] = []
    private let config: LoadedConfig
    private let routing: ModelRouting

    init(config: LoadedConfig, routing: ModelRouting) {
        self.config = config
        self.routing = routing
        // What is written for us alone counts before what OpenClaw reads as well.
        readOwnPrices()
        readNamed()
        readProviders()
        readSpend()
        readTranscribers()
    }

    // MARK: Models

    private mutating func readNamed() {
        for member in config.value(["agents", "defaults", "models"])?.object?.members ?? [] {
            guard member.key.utf8.count <= Self.nameLimit else { continue }
            add(member.key) { $0.alias = member.value["alias"]?.string ?? "" }
        }
    }

    private mutating func readProviders() {
        for provider in config.anyValue(["models", "providers"])?.object?.members ?? [] {
            let path: ConfigPath = ["models", "providers", provider.key]
            guard config.isSound(path) else { continue }
            for (index, entry) in (provider.value["models"]?.array ?? []).enumerated() {
                guard let id = entry["id"]?.string, !id.isEmpty, id.utf8.count <= Self.nameLimit else {
                    problem(
                        path + "models" + String(index),
                        entry,
                        "needs an id: the model's name as the host knows it"
                    )
                    continue
                }
                let full = add("\(provider.key)/\(id)") { model in
                    model.name = entry["name"]?.string ?? ""
                    model.contextTokens = entry["contextWindow"]?.integer.map { min(max(0, $0), 100_000_000) } ?? 0
                    model.isReasoning = entry["reasoning"]?.bool
                    model.readsImages = entry["input"]?.array?.contains { $0.string == "image" }
                }
                if let cost = entry["cost"] { price(full, cost, at: path + "models" + String(index) + "cost") }
            }
        }
    }

    /// Adds a model, or what is told of one that stands there already. Returns its full name.
    @discardableResult
    private mutating func add(_ written: String, _ fill: (inout CatalogModel) -> Void) -> String {
        let reference = routing.reference(written)
        if let index = models.firstIndex(where: { $0.model == reference.model }) {
            fill(&models[index])
            return reference.model
        }
        guard models.count < Self.limit else {
            if models.count == Self.limit, !problems.contains(where: { $0.text.hasPrefix("more than") }) {
                problem(
                    [],
                    nil,
                    "more than \(Self.limit) models are written down: /model offers the first \(Self.limit)"
                )
            }
            return reference.model
        }
        var model = CatalogModel(model: reference.model)
        model.worker = reference.worker
        model.unavailable = reference.unavailable
        fill(&model)
        models.append(model)
        return reference.model
    }

    // MARK: Prices

    private mutating func readOwnPrices() {
        for member in config.anyOwnValue(["models", "prices"])?.object?.members ?? [] {
            let path: ConfigPath = ["models", "prices", member.key]
            guard config.isOwnSound(path) else { continue }
            guard member.key.contains("/"), member.key.utf8.count <= Self.nameLimit else {
                problem(
                    path,
                    member.value,
                    "must be named provider/model, or provider/* for all of a provider",
                    own: true
                )
                continue
            }
            // The provider's part of a name is in small letters everywhere.
            let provider = member.key.prefix { $0 != "/" }
            price(provider.lowercased() + member.key.dropFirst(provider.count), member.value, at: path, own: true)
        }
    }

    private mutating func price(_ model: String, _ value: ConfigValue, at path: ConfigPath, own: Bool = false) {
        guard prices.count < Self.limit else { return }
        func amount(_ key: String) -> Double? { value[key]?.number }
        let all = ["input", "output", "cacheRead", "cacheWrite"].compactMap(amount)
        guard let input = amount("input"), let output = amount("output"),
            all.allSatisfy({ $0 >= 0 && $0 <= Self.mostDollars })
        else {
            return problem(path, value, "needs input and output, in dollars per million tokens", own: own)
        }
        var entry = PriceEntry(model: model, input: input, output: output)
        entry.cacheRead = amount("cacheRead")
        entry.cacheWrite = amount("cacheWrite")
        prices.append(entry)
    }

    // MARK: Limits

    private mutating func readSpend() {
        let path: ConfigPath = ["models", "spend"]
        if let value = config.ownValue(path + "perDayUSD") { spend.perDay = dollars(value, path + "perDayUSD") }
        for member in config.anyOwnValue(path + "perAgent")?.object?.members ?? [] {
            guard config.isOwnSound(path + "perAgent" + member.key) else { continue }
            let amount = dollars(member.value, path + "perAgent" + member.key)
            if let amount { spend.perAgent[LoadedConfig.agentID(member.key)] = amount }
        }
        spend.then = config.ownValue(path + "then")?.string.flatMap(SpendConfig.Then.init) ?? .stop
        if let name = config.ownValue(path + "cheaperModel")?.string { spend.cheaperModel = routing.reference(name) }
        if let value = config.ownValue(path + "warnAt"), let part = value.number {
            if part > 0, part <= 1 {
                spend.warnAt = part
            } else {
                problem(
                    path + "warnAt",
                    value,
                    "must be above 0 and at most 1: 0.8 is four fifths of a limit",
                    own: true
                )
            }
        }
        guard spend.then == .cheaper, spend.cheaperModel.worker.isEmpty else { return }
        let why = spend.cheaperModel.model.isEmpty ? "needs cheaperModel" : spend.cheaperModel.unavailable
        problem(path + "then", config.anyOwnValue(path), "\(why); at the limit nothing answers until then", own: true)
        spend.then = .stop
    }

    private mutating func dollars(_ value: ConfigValue, _ path: ConfigPath) -> Double? {
        guard let amount = value.number else { return nil }
        guard amount >= 0, amount <= Self.mostDollars else {
            problem(path, value, "must be an amount in dollars; this limit is not in force", own: true)
            return nil
        }
        return amount
    }

    // MARK: Speech

    private mutating func readTranscribers() {
        let audio = config.value(["tools", "media", "audio"])
        guard !routing.usesDemo, audio?["enabled"]?.bool != false else { return }
        let written = audio?["models"]?.array?.prefix(16).compactMap { entry -> ModelRef? in
            guard entry["type"]?.string != "cli", let provider = entry["provider"]?.string?.lowercased() else {
                return nil
            }
            let model = entry["model"]?.string ?? Self.speech.first { $0.provider == provider }?.model
            return model.map { routing.reference("\(provider)/\($0)") }
        }
        if let written, !written.isEmpty { return transcribers = written }
        transcribers = Self.speech.map { routing.reference("\($0.provider)/\($0.model)") }.filter { !$0.worker.isEmpty }
    }

    private mutating func problem(_ path: ConfigPath, _ value: ConfigValue?, _ text: String, own: Bool = false) {
        guard problems.count < LoadedConfig.problemLimit else { return }
        let line = Int(value?.position.line ?? 0)
        problems.append(ConfigProblem(path: own ? "clawhold.json: \(path)" : "\(path)", line: line, text: text))
    }
}
