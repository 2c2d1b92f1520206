/// A model provider that needs no more than a key to be used: what is known of it besides.
///
/// Names and variables are OpenClaw's. Addresses are from the vendors' documentation.
package struct KnownProvider: Sendable {
    package var name: String
    /// Variables that hold a key; those of tokens stand first and keep the rest from being used.
    package var variables: [String]
    /// nil: it is spoken to in a way that this version does not know.
    var dialect: ProviderConfig.Dialect?
    var baseURL: String
    /// Whether this version knows how to speak to it.
    package var isSpoken: Bool { dialect != nil }
    /// Used when no model is configured at all; empty: one has to be named.
    package var standardModel: String
    var asksForUsage = true

    private init(
        _ name: String,
        _ variables: [String],
        _ dialect: ProviderConfig.Dialect?,
        _ baseURL: String,
        _ standardModel: String = ""
    ) {
        (self.name, self.variables, self.dialect) = (name, variables, dialect)
        (self.baseURL, self.standardModel) = (baseURL, standardModel)
    }

    /// In the order in which one is chosen when no model is configured.
    ///
    /// Variables that many machines have for other reasons (GITHUB_TOKEN, AWS_ACCESS_KEY_ID) are left out: they would silence
    /// the demonstration model where nobody configured a provider.
    package static let all: [KnownProvider] = [
        KnownProvider(
            "anthropic",
            ["ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"],
            .anthropic,
            "https://api.anthropic.com",
            "claude-opus-4-6"
        ),
        KnownProvider("openai", ["OPENAI_API_KEY"], .responses, "https://api.openai.com/v1", "gpt-5.6"),
        KnownProvider(
            "google",
            ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            .google,
            "https://generativelanguage.googleapis.com",
            "gemini-3.1-pro-preview"
        ),
        KnownProvider(
            "openrouter",
            ["OPENROUTER_API_KEY"],
            .chatCompletions,
            "https://openrouter.ai/api/v1",
            "openrouter/auto"
        ),
        KnownProvider(
            "groq",
            ["GROQ_API_KEY"],
            .chatCompletions,
            "https://api.groq.com/openai/v1",
            "llama-3.3-70b-versatile"
        ),
        mistral,
        KnownProvider("xai", ["XAI_API_KEY"], .chatCompletions, "https://api.x.ai/v1"),
        KnownProvider(
            "deepseek",
            ["DEEPSEEK_API_KEY"],
            .chatCompletions,
            "https://api.deepseek.com/v1",
            "deepseek-chat"
        ),
        KnownProvider("cerebras", ["CEREBRAS_API_KEY"], .chatCompletions, "https://api.cerebras.ai/v1"),
        KnownProvider("zai", ["ZAI_API_KEY", "Z_AI_API_KEY"], .chatCompletions, "https://api.z.ai/api/coding/paas/v4"),
        KnownProvider("moonshot", ["MOONSHOT_API_KEY"], .chatCompletions, "https://api.moonshot.ai/v1", "kimi-k2.5"),
        KnownProvider(
            "kimi-code",
            ["KIMICODE_API_KEY"],
            .chatCompletions,
            "https://api.kimi.com/coding/v1",
            "kimi-for-coding"
        ),
        KnownProvider("minimax", ["MINIMAX_API_KEY"], .anthropic, "https://api.minimax.io/anthropic", "MiniMax-M2.1"),
        KnownProvider("synthetic", ["SYNTHETIC_API_KEY"], .anthropic, "https://api.synthetic.new/anthropic"),
        KnownProvider("venice", ["VENICE_API_KEY"], .chatCompletions, "https://api.venice.ai/api/v1"),
        KnownProvider("vercel-ai-gateway", ["AI_GATEWAY_API_KEY"], .chatCompletions, "https://ai-gateway.vercel.sh/v1"),
        KnownProvider(
            "opencode",
            ["OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"],
            .chatCompletions,
            "https://opencode.ai/zen/v1"
        ),
        KnownProvider(
            "chutes",
            ["CHUTES_OAUTH_TOKEN", "CHUTES_API_KEY"],
            .chatCompletions,
            "https://llm.chutes.ai/v1"
        ),
        KnownProvider(
            "qwen-portal",
            ["QWEN_OAUTH_TOKEN", "QWEN_PORTAL_API_KEY"],
            .chatCompletions,
            "https://portal.qwen.ai/v1",
            "coder-model"
        ),
        // The subscription of ChatGPT, by its stored login alone.
        KnownProvider("openai-codex", [], .responses, "https://chatgpt.com/backend-api/codex", "gpt-5.5"),
        KnownProvider("github-copilot", ["COPILOT_GITHUB_TOKEN"], nil, ""),
        KnownProvider("amazon-bedrock", ["AWS_BEARER_TOKEN_BEDROCK"], nil, ""),
    ]

    /// Refuses words that it does not know, and sends counts without being asked.
    private static let mistral: KnownProvider = {
        var mistral = KnownProvider(
            "mistral",
            ["MISTRAL_API_KEY"],
            .chatCompletions,
            "https://api.mistral.ai/v1",
            "mistral-large-latest"
        )
        mistral.asksForUsage = false
        return mistral
    }()

    /// Servers on this machine, which want no key: named in the configuration, `baseUrl` may be left out.
    static let local: [String: String] = [
        "ollama": "http://127.0.0.1:11434/v1", "vllm": "http://127.0.0.1:8000/v1",
        "llamacpp": "http://127.0.0.1:8080/v1",
        "llama.cpp": "http://127.0.0.1:8080/v1", "lmstudio": "http://127.0.0.1:1234/v1",
    ]

    package static func named(_ name: String) -> KnownProvider? { all.first { $0.name == name } }
}
