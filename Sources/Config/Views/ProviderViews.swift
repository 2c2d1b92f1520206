internal import IPCControl

/// A provider that can be called, with everything its worker needs.
package struct ProviderEntry: Sendable, Equatable {
    package var config: ProviderConfig
    /// Secret: values by the names that the profiles give them.
    package var secrets: [(name: String, value: String)] = []
    /// Used when no model is configured at all; empty: one has to be named.
    package var standardModel = ""

    package static func == (one: ProviderEntry, other: ProviderEntry) -> Bool {
        one.config == other.config && one.standardModel == other.standardModel
            && one.secrets.elementsEqual(other.secrets) { $0 == $1 }
    }
}

/// The providers that something names, usable or not.
package struct Providers: Sendable, Equatable {
    /// In the order in which one is chosen when no model is configured.
    package var entries: [ProviderEntry] = []
    /// Every provider that a key is given for, even if that key cannot be read: while this is not empty no demonstration model talks.
    package var named: [String] = []
    /// Providers that are named and cannot be called: why not, and what to do.
    package var unusable: [String: Unusable] = [:]
    /// For the configuration's list of problems.
    package var problems: [ConfigProblem] = []

    package struct Unusable: Sendable, Equatable {
        /// For the log, behind the provider's name.
        package var reason: String
        /// What to do about it.
        package var remedy: String
    }

    package subscript(provider: String) -> ProviderEntry? { entries.first { $0.config.provider == provider } }
}

extension LoadedConfig {
    /// The providers that the stored profiles, the environment or the configuration have a key for, and the servers that want
    /// none, in this order of rank.
    package func providers(agentDirectory: String, files: some FileReading) -> Providers {
        var providers = Providers()
        var order = KnownProvider.all.map(\.name)
        let configured = Self.find(["models", "providers"], in: root)?.object?.members ?? []
        let stored = AuthProfiles.read(agentDirectory: agentDirectory, files: files)
        for name in (configured.map(\.key) + stored.providers).map({ $0.lowercased() }) where !order.contains(name) {
            order.append(name)
        }
        for provider in order.prefix(200) {
            // As people write it: large letters name no other provider.
            let written = configured.last { $0.key.lowercased() == provider }
            let (entry, key) = (written?.value, written?.key ?? provider)
            let keys = credentials(provider, entry, stored)
            let isNamed =
                !keys.isEmpty || entry?["apiKey"] != nil || (entry?["baseUrl"] != nil && provider != "anthropic")
                || (entry != nil && KnownProvider.local[provider] != nil)
            guard isNamed else { continue }
            providers.named.append(provider)
            // A wrong value anywhere in a provider's entry switches the provider off; its problem is told already.
            guard isSound(["models", "providers", key]) else { continue }
            switch made(provider, key, entry, keys, isOrderFixed: fixedOrder(provider, stored) != nil) {
            case .entry(let entry): providers.entries.append(entry)
            case .problem(let problem): providers.problems.append(problem)
            case .unusable(let unusable): providers.unusable[provider] = unusable
            case nil: break
            }
        }
        return providers
    }

    private enum Made {
        case entry(ProviderEntry)
        case problem(ConfigProblem)
        case unusable(Providers.Unusable)
    }

    /// - Parameter key: as the file writes the provider's name.
    private func made(
        _ provider: String,
        _ key: String,
        _ entry: ConfigValue?,
        _ keys: [Credential],
        isOrderFixed: Bool
    ) -> Made? {
        let known = KnownProvider.named(provider)
        let path: ConfigPath = ["models", "providers", key]
        func problem(_ member: String, _ text: String) -> Made {
            let place = Self.find(path + member, in: root)
            return .problem(
                ConfigProblem(
                    path: "\(path).\(member)",
                    line: Int(place?.position.line ?? 0),
                    text: text,
                    disables: "model:\(provider)"
                )
            )
        }
        guard WorkerID("model:\(provider)") != nil, provider.utf8.count <= 60, provider != "demo" else {
            return problem("baseUrl", "the name of a provider has only letters, digits, '.', '_' and '-', at most 60")
        }
        let words = entry?["api"]?.string ?? entry?["models"]?.array?.lazy.compactMap { $0["api"]?.string }.first
        var config = ProviderConfig()
        config.provider = provider
        if let words {
            guard let dialect = ProviderConfig.Dialect(rawValue: words) else {
                return problem("api", "\"\(words.prefix(60))\" is not supported; \(Self.dialects)")
            }
            config.dialect = dialect
        } else if let dialect = known?.dialect {
            config.dialect = dialect
        } else if known != nil, entry?["baseUrl"] == nil {
            return .unusable(
                Providers.Unusable(
                    reason: "this version does not know how to speak to it",
                    remedy: "Choose another provider's model in agents.defaults.model.primary."
                )
            )
        } else {
            config.dialect = .chatCompletions
        }
        let written = entry?["baseUrl"]?.string ?? (provider == "anthropic" ? environment["ANTHROPIC_BASE_URL"] : nil)
        let standard = KnownProvider.local[provider] ?? known?.baseURL ?? ""
        guard let text = written ?? (standard.isEmpty ? nil : standard) else {
            return problem("baseUrl", "is missing: nobody knows where this provider is")
        }
        guard let address = HTTPAddress.normalized(text) else {
            return problem("baseUrl", "must be an http:// or https:// address")
        }
        config.setAddress(address)
        read(entry, path, into: &config, known: known)
        var result = ProviderEntry(config: config)
        result.standardModel = known?.standardModel ?? config.models.first?.id ?? ""
        for (index, key) in keys.prefix(Self.profileLimit).enumerated() {
            var profile = ProviderConfig.Profile()
            (profile.id, profile.mode, profile.source) = (key.id, key.mode, key.source)
            profile.secret = "PROFILE_\(index + 1)"
            result.config.profiles.append(profile)
            result.secrets.append((profile.secret, key.value))
        }
        if keys.isEmpty {
            // A key that was meant and is not there is no reason to ask without one.
            guard entry?["apiKey"] == nil else { return nil }
            guard HostName.isLocal(config.baseURL) else {
                return .unusable(
                    Providers.Unusable(
                        reason: "it has no key",
                        remedy: "Set \(path).apiKey, then restart the gateway."
                    )
                )
            }
            var profile = ProviderConfig.Profile()
            (profile.id, profile.mode) = ("\(provider):none", .none)
            result.config.profiles = [profile]
        }
        result.config.isOrderFixed = isOrderFixed
        return .entry(result)
    }

    /// Most credentials of one provider.
    static var profileLimit: Int { 64 }

    private static let dialects =
        "known are openai-completions, openai-responses, anthropic-messages, google-generative-ai"

    private func read(
        _ entry: ConfigValue?,
        _ path: ConfigPath,
        into config: inout ProviderConfig,
        known: KnownProvider?
    ) {
        for member in entry?["headers"]?.object?.members ?? [] {
            if member.key.lowercased() == "anthropic-version" {
                config.apiVersion = member.value.string ?? ""
            } else {
                config.headers[member.key] = member.value.string ?? ""
            }
        }
        config.asksForUsage = known?.asksForUsage ?? true
        if HostName.of(config.baseURL) == "api.openai.com" { config.maxTokensField = "max_completion_tokens" }
        for written in (entry?["models"]?.array ?? []).prefix(500) {
            guard let id = written["id"]?.string, !id.isEmpty, id.utf8.count <= 200 else { continue }
            var model = ProviderConfig.Model()
            model.id = id
            model.contextTokens = max(0, written["contextWindow"]?.integer ?? 0)
            model.maxTokens = max(0, written["maxTokens"]?.integer ?? 0)
            model.isReasoning = written["reasoning"]?.bool ?? false
            if let input = written["input"]?.array { model.readsImages = input.contains { $0.string == "image" } }
            config.models.append(model)
            let compat = written["compat"]
            if let field = compat?["maxTokensField"]?.string, ["max_tokens", "max_completion_tokens"].contains(field) {
                config.maxTokensField = field
            }
            if compat?["supportsUsageInStreaming"]?.bool == false { config.asksForUsage = false }
        }
        func timeout(_ key: String) -> Int { ownValue(["models", "timeouts", key])?.integer ?? 0 }
        config.connectMilliseconds = timeout("connectMs")
        config.headMilliseconds = timeout("headMs")
        config.firstContentMilliseconds = timeout("firstContentMs")
        config.idleMilliseconds = timeout("idleMs")
        config.totalMilliseconds = timeout("totalMs")
        func hours(_ path: [String], _ field: inout Double) {
            if let hours = value(ConfigPath(["auth", "cooldowns"] + path))?.number, hours > 0, hours <= 10_000 {
                field = hours
            }
        }
        hours(["billingBackoffHours"], &config.billingBackoffHours)
        hours(["billingBackoffHoursByProvider", config.provider], &config.billingBackoffHours)
        hours(["billingMaxHours"], &config.billingMaxHours)
        hours(["failureWindowHours"], &config.failureWindowHours)
    }
}

extension ProviderConfig {
    /// Takes an address as people write it: the dialect's own path at its end is left out, a version in it is the version.
    mutating func setAddress(_ address: String) {
        baseURL = address
        switch dialect {
        case .anthropic: if address.hasSuffix("/v1") { baseURL = String(address.dropLast(3)) }
        case .google:
            for version in ["v1beta", "v1alpha", "v1"] where address.hasSuffix("/\(version)") {
                baseURL = String(address.dropLast(version.utf8.count + 1))
                apiVersion = version
                break
            }
        case .chatCompletions, .responses:
            for path in ["/chat/completions", "/responses"] where baseURL.hasSuffix(path) {
                baseURL = String(baseURL.dropLast(path.utf8.count))
            }
            // Servers on one's own machine are written without their path more often than with it.
            if HostName.isLocal(baseURL), baseURL.split(separator: "/").count == 2 { baseURL += "/v1" }
        }
    }
}
