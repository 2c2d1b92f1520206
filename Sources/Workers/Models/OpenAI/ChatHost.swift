internal import Config
internal import ModelUpstream

/// What a host of chat completions wants differently from OpenAI.
struct ChatHost: Sendable {
    enum Kind: Sendable {
        case openAI
        case openRouter
        case mistral
        case other
    }

    let kind: Kind
    /// Whose blocks are given back.
    let owner: String
    let maxTokensField: String
    let asksForUsage: Bool
    private let reasoningModels: Set<String>

    init(_ config: ProviderConfig) {
        let host = HostName.of(config.baseURL)
        kind =
            switch (config.provider, host) {
            case ("openai", _), (_, "api.openai.com"): .openAI
            case ("openrouter", _), (_, "openrouter.ai"): .openRouter
            case ("mistral", _), (_, "api.mistral.ai"): .mistral
            default: .other
            }
        owner = OpaqueBlock.name(dialect: "openai-completions", isVendor: false, provider: config.provider)
        maxTokensField = config.maxTokensField
        asksForUsage = config.asksForUsage
        reasoningModels = Set(config.models.filter(\.isReasoning).map(\.id))
    }

    /// Mistral wants exactly nine letters and digits; some hosts take no more than forty.
    var ids: ToolCallID.Rule { kind == .mistral ? .nine : .word(limit: 40) }

    /// Whether a model may be told how much to think: others refuse the word.
    func reasons(_ model: String) -> Bool {
        reasoningModels.contains(model) || (kind == .openAI && OpenAIModel.reasons(model))
    }
}

/// What the name of one of OpenAI's models says.
enum OpenAIModel {
    /// The o series, GPT-5 and later, Codex; not those that only chat.
    static func reasons(_ model: String) -> Bool {
        if model.contains("chat") { return false }
        if model.hasPrefix("codex") { return true }
        if model.hasPrefix("o"), let digit = model.dropFirst().first, digit.isNumber { return true }
        guard model.hasPrefix("gpt-") else { return false }
        return model.dropFirst(4).prefix { $0.isNumber }.first.map { $0 >= "5" } ?? false
    }

    static let efforts = ["minimal", "low", "medium", "high", "xhigh"]

    /// The words that OpenAI and those who speak like it have for how much to think; nil: nothing is said.
    ///
    /// A word that a model does not know is refused with the whole call: the least is known by the first GPT-5 alone, the
    /// most by GPT-5.2 and later ones and by codex-max (platform.openai.com/docs/guides/reasoning).
    static func effort(_ thinking: String, _ model: String) -> String? {
        switch thinking {
        case "low", "medium", "high": thinking
        case "minimal": model == "gpt-5" || model.hasPrefix("gpt-5-") && !model.contains("codex") ? "minimal" : "low"
        case "xhigh": model.contains("codex-max") || version(model) >= (5, 2) ? "xhigh" : "high"
        default: nil
        }
    }

    /// Of `gpt-5.2-codex`: 5 and 2.
    private static func version(_ model: String) -> (Int, Int) {
        guard model.hasPrefix("gpt-") else { return (0, 0) }
        let numbers = model.dropFirst(4).prefix { $0.isNumber || $0 == "." }.split(separator: ".").map { Int($0) ?? 0 }
        return (numbers.first ?? 0, numbers.dropFirst().first ?? 0)
    }
}
