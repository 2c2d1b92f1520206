internal import Config

/// Which worker serves which model, and what a person is told when none does.
struct ModelRouting: Sendable {
    /// Providers that this version has a worker for, and the model that is used when none is configured.
    static let supported: [(provider: String, model: String)] = [("anthropic", "claude-opus-4-6")]
    static let demo = ModelRef(model: "demo/demonstration", worker: "model:demo")

    /// Fallbacks beyond this would never be reached.
    static let fallbackLimit = 16

    let providers: Providers
    let aliases: [String: String]

    init(providers: Providers, config: LoadedConfig) {
        self.providers = providers
        var aliases: [String: String] = [:]
        for member in config.value(["agents", "defaults", "models"])?.object?.members ?? [] {
            if let alias = member.value["alias"]?.string { aliases[alias.lowercased()] = member.key }
        }
        self.aliases = aliases
    }

    /// No provider has a credential, and nothing names one.
    var usesDemo: Bool { providers.named.isEmpty && providers.credentials.isEmpty }

    /// The providers that get a worker.
    var served: [ProviderCredential] {
        providers.credentials.filter { credential in Self.supported.contains { $0.provider == credential.provider } }
    }

    func route(_ names: ModelNames) -> ModelRoute {
        var route = ModelRoute()
        route.primary = names.primary.map(reference) ?? standard()
        route.fallbacks = names.fallbacks.prefix(Self.fallbackLimit).map(reference)
        return route
    }

    /// Nothing is configured: the first provider that has a key.
    private func standard() -> ModelRef {
        for (provider, model) in Self.supported where providers[provider] != nil {
            return ModelRef(model: "\(provider)/\(model)", worker: "model:\(provider)")
        }
        guard let named = providers.named.first else {
            return ModelRef(
                model: "",
                unavailable:
                    "No model provider has a key yet, so I cannot answer. Set ANTHROPIC_API_KEY and restart the gateway."
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
        guard Self.supported.contains(where: { $0.provider == provider }), providers[provider] != nil else {
            return ModelRef(model: model, unavailable: sentence(provider: provider))
        }
        return ModelRef(model: "\(provider)\(model.drop { $0 != "/" })", worker: "model:\(provider)")
    }

    private func sentence(provider: String) -> String {
        guard Self.supported.contains(where: { $0.provider == provider }) else {
            return
                "The model provider \"\(provider.prefix(60))\" is not supported by this version of Clawhold yet, so I cannot answer."
                + " Set agents.defaults.model.primary to an anthropic/… model and ANTHROPIC_API_KEY to its key."
        }
        if providers.named.contains(provider) {
            return "The key of the model provider \"\(provider)\" cannot be read, so I cannot answer."
                + " `clawhold status` names the line of the configuration."
        }
        return "No API key found for provider \"\(provider)\", so I cannot answer."
            + " Set \(provider.uppercased())_API_KEY and restart the gateway."
    }
}
