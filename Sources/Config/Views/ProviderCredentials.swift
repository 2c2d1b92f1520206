extension LoadedConfig {
    /// One credential of a provider, wherever it was found. Secret.
    struct Credential: Equatable {
        var id: String
        var mode: ProviderConfig.Profile.Mode
        var value: String
        /// For people: `ANTHROPIC_API_KEY`.
        var source: String
    }

    /// The credentials of a provider, in the order in which they are tried. Stored profiles go before the environment, that
    /// goes before the file, as in OpenClaw: a key of a lower rank is not used beside one of a higher.
    func credentials(_ provider: String, _ entry: ConfigValue?, _ stored: AuthProfiles) -> [Credential] {
        let profiles = profiles(provider, stored)
        if !profiles.isEmpty { return profiles }
        let variables = ofEnvironment(provider)
        if !variables.isEmpty { return variables }
        guard let key = entry?["apiKey"]?.string.map(Environment.trimmed), !key.isEmpty else { return [] }
        // The key itself, or the name of the variable that holds it.
        let value = Self.looksLikeVariable(key) ? environment[key] ?? "" : key
        guard !value.isEmpty, value.utf8.count <= ConfigCheck.stringLimit else { return [] }
        let isToken = ["token", "oauth"].contains(entry?["auth"]?.string) || entry?["authHeader"]?.bool == true
        return [
            Credential(
                id: "\(provider):default",
                mode: isToken || value.hasPrefix("sk-ant-oat") ? .token : .apiKey,
                value: value,
                source: "models.providers.\(provider).apiKey"
            )
        ]
    }

    /// `auth.order`, or the order of the stored profiles' own file, which goes before it; nil: there is none.
    func fixedOrder(_ provider: String, _ stored: AuthProfiles) -> [String]? {
        if let own = stored.order(provider) { return own }
        let written = value(["auth", "order", provider])?.array?.compactMap(\.string) ?? []
        return written.isEmpty ? nil : written
    }

    /// An order names all that are used; without one the profiles of `auth.profiles` stand first.
    private func profiles(_ provider: String, _ stored: AuthProfiles) -> [Credential] {
        let own = stored.entries.filter { $0.provider.lowercased() == provider && fits($0) }
        var chosen: [AuthProfiles.Entry] = []
        func choose(_ ids: [String]) {
            for id in ids where !chosen.contains(where: { $0.id == id }) {
                if let entry = own.first(where: { $0.id == id }) { chosen.append(entry) }
            }
        }
        choose(fixedOrder(provider, stored) ?? [])
        if chosen.isEmpty {
            let configured = value(["auth", "profiles"])?.object?.members ?? []
            choose(configured.filter { $0.value["provider"]?.string?.lowercased() == provider }.map(\.key))
            choose(own.map(\.id))
        }
        return chosen.map {
            Credential(id: $0.id, mode: $0.mode, value: $0.value, source: "auth-profiles.json: \($0.id)")
        }
    }

    /// What `auth.profiles` says of a profile must be what is stored; a token may stand for a login and the other way round.
    private func fits(_ entry: AuthProfiles.Entry) -> Bool {
        guard let mode = value(["auth", "profiles", entry.id, "mode"])?.string else { return true }
        return (mode == "api_key") == (entry.mode == .apiKey)
    }

    /// The variables of a provider. A token's variable keeps the others from being used: who has a subscription does not want
    /// to pay by the way. Further keys: `<VARIABLE>S` with a list, `<VARIABLE>_1` to `_9`.
    private func ofEnvironment(_ provider: String) -> [Credential] {
        var found: [Credential] = []
        func add(_ value: String, _ source: String, _ mode: ProviderConfig.Profile.Mode) {
            guard !value.isEmpty, value.utf8.count <= ConfigCheck.stringLimit,
                !found.contains(where: { $0.value == value })
            else { return }
            let number = found.isEmpty ? "default" : String(found.count + 1)
            let isToken = value.hasPrefix("sk-ant-oat")
            found.append(
                Credential(id: "\(provider):\(number)", mode: isToken ? .token : mode, value: value, source: source)
            )
        }
        for name in KnownProvider.named(provider)?.variables ?? [] {
            if name.hasSuffix("_API_KEY") {
                if let value = environment[name] { add(value, name, .apiKey) }
                for value in (environment["\(name)S"] ?? "").split(whereSeparator: { $0 == "," || $0 == ";" }) {
                    add(Environment.trimmed(String(value)), "\(name)S", .apiKey)
                }
                for number in 1...9 { add(environment["\(name)_\(number)"] ?? "", "\(name)_\(number)", .apiKey) }
            } else if let value = environment[name] {
                add(value, name, .token)
                return found
            }
        }
        return found
    }

    private static func looksLikeVariable(_ text: String) -> Bool {
        text.contains("_")
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
    }
}
