/// `auth-profiles.json`: the credentials that OpenClaw stored itself. Read only.
struct AuthProfiles {
    private var profiles: [(id: String, credential: ProviderCredential)] = []
    private var order: [String: [String]] = [:]

    /// A missing or broken file holds nothing.
    static func read(agentDirectory: String, files: some FileReading) -> AuthProfiles {
        var result = AuthProfiles()
        let path = agentDirectory + "/auth-profiles.json"
        guard case .bytes(let bytes) = files.read(path, limit: 1 << 20), let root = try? JSON5Parser.parse(bytes) else {
            return result
        }
        for member in (root["profiles"]?.object?.members ?? []).prefix(200) {
            guard let provider = member.value["provider"]?.string else { continue }
            let key: String?
            switch member.value["type"]?.string {
            case "api_key": key = member.value["key"]?.string
            case "token": key = member.value["token"]?.string
            // These need refreshing, which is a later step.
            default: key = nil
            }
            guard let value = key.map(Environment.trimmed), !value.isEmpty, value.utf8.count <= ConfigCheck.stringLimit
            else {
                continue
            }
            var credential = LoadedConfig.credential(provider, value, "auth-profiles.json: \(member.key)")
            if provider == "anthropic", member.value["type"]?.string == "token" { credential.kind = .oauthToken }
            result.profiles.append((member.key, credential))
        }
        for member in root["order"]?.object?.members ?? [] {
            result.order[member.key] = member.value.array?.compactMap(\.string) ?? []
        }
        return result
    }

    var providers: Set<String> { Set(profiles.map(\.credential.provider)) }

    /// The first profile of a provider: by `auth.order`, then by the file's own order, then as they stand.
    func credential(_ provider: String, order configured: [String]) -> ProviderCredential? {
        let own = profiles.filter { $0.credential.provider == provider }
        for id in configured + (order[provider] ?? []) {
            if let profile = own.first(where: { $0.id == id }) { return profile.credential }
        }
        return own.first?.credential
    }
}
