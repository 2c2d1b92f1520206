/// What a provider is called with.
package struct ProviderCredential: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case apiKey
        case oauthToken
    }

    package var provider: String
    package var kind: Kind
    /// Secret.
    package var value: String
    /// Where it comes from, for people: `ANTHROPIC_API_KEY`.
    package var source: String
}

/// The providers that something names, usable or not.
package struct Providers: Sendable, Equatable {
    /// In the order in which one is chosen when no model is configured.
    package var credentials: [ProviderCredential] = []
    /// Every provider that a key is given for, even if that key cannot be read: while this is not empty no demonstration model talks.
    package var named: [String] = []

    package subscript(provider: String) -> ProviderCredential? {
        credentials.first { $0.provider == provider }
    }
}

/// Names of the providers and of the variables that hold their keys (OpenClaw's; the first set one wins).
///
/// Variables that many machines have for other reasons (GITHUB_TOKEN, AWS_ACCESS_KEY_ID) are left out: they would silence the
/// demonstration model where nobody configured a provider.
package enum ProviderNames {
    package static let variables: [(provider: String, names: [String])] = [
        ("anthropic", ["ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"]),
        ("openai", ["OPENAI_API_KEY"]),
        ("google", ["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
        ("openrouter", ["OPENROUTER_API_KEY"]),
        ("groq", ["GROQ_API_KEY"]),
        ("mistral", ["MISTRAL_API_KEY"]),
        ("xai", ["XAI_API_KEY"]),
        ("cerebras", ["CEREBRAS_API_KEY"]),
        ("zai", ["ZAI_API_KEY", "Z_AI_API_KEY"]),
        ("moonshot", ["MOONSHOT_API_KEY"]),
        ("kimi-code", ["KIMICODE_API_KEY"]),
        ("minimax", ["MINIMAX_API_KEY"]),
        ("synthetic", ["SYNTHETIC_API_KEY"]),
        ("venice", ["VENICE_API_KEY"]),
        ("vercel-ai-gateway", ["AI_GATEWAY_API_KEY"]),
        ("opencode", ["OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"]),
        ("chutes", ["CHUTES_OAUTH_TOKEN", "CHUTES_API_KEY"]),
        ("qwen-portal", ["QWEN_OAUTH_TOKEN", "QWEN_PORTAL_API_KEY"]),
        ("github-copilot", ["COPILOT_GITHUB_TOKEN"]),
        ("amazon-bedrock", ["AWS_BEARER_TOKEN_BEDROCK"]),
    ]
}

extension LoadedConfig {
    /// The providers that the stored profiles, the environment or the configuration have a key for, in this order of rank.
    package func providers(agentDirectory: String, files: some FileReading) -> Providers {
        var providers = Providers()
        var order = ProviderNames.variables.map(\.provider)
        let configured = Self.find(["models", "providers"], in: root)?.object?.members ?? []
        order += configured.map(\.key).filter { !order.contains($0) }
        let profiles = AuthProfiles.read(agentDirectory: agentDirectory, files: files)
        order += profiles.providers.filter { !order.contains($0) }.sorted()
        for provider in order.prefix(200) {
            let entry = configured.last { $0.key == provider }?.value
            let variable = ProviderNames.variables.first { $0.provider == provider }?.names.first {
                environment[$0] != nil
            }
            let profile = profiles.credential(provider, order: authOrder(provider))
            if entry?["apiKey"] != nil || (entry?["baseUrl"] != nil && provider != "anthropic") || variable != nil
                || profile != nil
            {
                providers.named.append(provider)
            }
            // A wrong value anywhere in a provider's entry switches the provider off.
            guard isSound(["models", "providers", provider]) else { continue }
            if let profile {
                providers.credentials.append(profile)
            } else if let variable, let value = environment[variable], value.utf8.count <= ConfigCheck.stringLimit {
                providers.credentials.append(Self.credential(provider, value, variable))
            } else if let key = entry?["apiKey"]?.string.map(Environment.trimmed), !key.isEmpty {
                // The key itself, or the name of the variable that holds it.
                let value = Self.looksLikeVariable(key) ? environment[key] ?? "" : key
                guard !value.isEmpty else { continue }
                providers.credentials.append(Self.credential(provider, value, "models.providers.\(provider).apiKey"))
            }
        }
        return providers
    }

    private func authOrder(_ provider: String) -> [String] {
        value(["auth", "order", provider])?.array?.compactMap(\.string) ?? []
    }

    private static func looksLikeVariable(_ text: String) -> Bool {
        text.contains("_")
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
    }

    static func credential(_ provider: String, _ value: String, _ source: String) -> ProviderCredential {
        // Anthropic's OAuth tokens are recognised by their prefix, wherever they were put.
        let isToken = source == "ANTHROPIC_OAUTH_TOKEN" || value.hasPrefix("sk-ant-oat")
        return ProviderCredential(
            provider: provider,
            kind: isToken ? .oauthToken : .apiKey,
            value: value,
            source: source
        )
    }
}
