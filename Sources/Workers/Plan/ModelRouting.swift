internal import Config

/// Which worker serves which model, and what a person is told when none does.
struct ModelRouting: Sendable {
    static let demo = ModelRef(model: "demo/demonstration", worker: "model:demo")

    /// Fallbacks beyond this would never be reached.
    static let fallbackLimit = 16

    let providers: Providers
    let aliases: [String: String]

    init(providers: Providers, config: LoadedConfig) {
        self.providers = providers
        aliases = config.modelAliases()
    }

    /// No provider has a credential, and nothing names one.
    var usesDemo: Bool { providers.named.isEmpty && providers.entries.isEmpty }

    func route(_ names: ModelNames) -> ModelRoute {
        var route = ModelRoute()
        route.primary = names.primary.map(reference) ?? standard()
        route.fallbacks = names.fallbacks.prefix(Self.fallbackLimit).map(reference)
        return route
    }

    /// Nothing is configured: the first provider that has a key, with the model that is usual there.
    private func standard() -> ModelRef {
        for entry in providers.entries where !entry.standardModel.isEmpty {
            let provider = entry.config.provider
            return ModelRef(model: "\(provider)/\(entry.standardModel)", worker: "model:\(provider)")
        }
        if let entry = providers.entries.first {
            let provider = entry.config.provider
            return ModelRef(
                model: provider,
                unavailable: "No model is chosen, so I cannot answer."
                    + " Set agents.defaults.model.primary to \"\(provider)/<the model's name>\"."
            )
        }
        guard let named = providers.named.first else {
            return ModelRef(
                model: "",
                unavailable: "No model provider has a key yet, so I cannot answer."
                    + " Set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY and restart the gateway."
            )
        }
        return ModelRef(model: String(named.prefix(60)), unavailable: sentence(provider: named))
    }

    /// A model by the name that somebody wrote: an alias, a name with its provider or one without.
    func reference(_ written: String) -> ModelRef {
        var name = written.trimmingPrefix { $0.isWhitespace }
        while name.last?.isWhitespace == true { name.removeLast() }
        let full = aliases[name.lowercased()] ?? String(name)
        // A name without a provider is Anthropic's, as in OpenClaw.
        let model = full.contains("/") ? full : "anthropic/\(full)"
        let provider = model.prefix { $0 != "/" }.lowercased()
        guard providers[provider] != nil else {
            return ModelRef(model: model, unavailable: sentence(provider: provider))
        }
        return ModelRef(model: "\(provider)\(model.drop { $0 != "/" })", worker: "model:\(provider)")
    }

    private func sentence(provider: String) -> String {
        if let unusable = providers.unusable.first(where: { $0.key.lowercased() == provider })?.value {
            return
                "The model provider \"\(provider.prefix(60))\" cannot be called (\(unusable.reason)), so I cannot answer. "
                + unusable.remedy
        }
        if providers.named.contains(where: { $0.lowercased() == provider }) {
            return
                "The model provider \"\(provider.prefix(60))\" cannot be used as it is configured, or its key cannot be read,"
                + " so I cannot answer. `clawhold status` names the line of the configuration."
        }
        if let variable = KnownProvider.named(provider)?.variables.last {
            return "No API key found for provider \"\(provider)\", so I cannot answer."
                + " Set \(variable) and restart the gateway."
        }
        return "Nobody knows a model provider \"\(provider.prefix(60))\", so I cannot answer."
            + " Correct agents.defaults.model.primary, or describe the provider under"
            + " models.providers.\(provider.prefix(60)) with its baseUrl, apiKey and api."
    }
}
