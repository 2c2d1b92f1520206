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
        reasoningModels.contains(model) || (kind == .openAI && OpenAIModel.reasons(model)) || kind == .openRouter
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

    /// The words that OpenAI has for how much to think; nil: nothing is said.
    static func effort(_ thinking: String) -> String? {
        ["minimal", "low", "medium", "high", "xhigh"].contains(thinking) ? thinking : nil
    }
}
