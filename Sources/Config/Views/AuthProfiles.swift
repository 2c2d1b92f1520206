/// `auth-profiles.json`: stored credentials, OpenClaw's and ours, as they are read.
struct AuthProfiles {
    /// One stored credential.
    struct Entry {
        var id: String
        var provider: String
        var mode: ProviderConfig.Profile.Mode
        /// Secret: the key, the token, or for `oauth` the whole entry as JSON.
        var value: String
    }

    private(set) var entries: [Entry] = []
    private var order: [String: [String]] = [:]

    /// A missing or broken file holds nothing.
    static func read(agentDirectory: String, files: some FileReading) -> AuthProfiles {
        var result = AuthProfiles()
        let path = CredentialFile.path(agentDirectory: agentDirectory)
        guard case .bytes(let bytes) = files.read(path, limit: CredentialFile.limit),
            let root = try? JSON5Parser.parse(bytes)
        else { return result }
        for member in (root["profiles"]?.object?.members ?? []).prefix(CredentialFile.profileLimit) {
            guard let provider = member.value["provider"]?.string, !member.key.isEmpty,
                member.key.utf8.count <= CredentialFile.idLimit,
                let (mode, value) = credential(member.value), value.utf8.count <= ConfigCheck.stringLimit
            else { continue }
            // Anthropic's OAuth tokens are recognised by their prefix, wherever they were put.
            let isToken = value.hasPrefix("sk-ant-oat")
            result.entries.append(
                Entry(id: member.key, provider: provider, mode: isToken ? .token : mode, value: value)
            )
        }
        for member in root["order"]?.object?.members ?? [] {
            result.order[member.key] = member.value.array?.compactMap(\.string) ?? []
        }
        return result
    }

    private static func credential(_ entry: ConfigValue) -> (ProviderConfig.Profile.Mode, String)? {
        func text(_ key: String) -> String? {
            entry[key]?.string.map(Environment.trimmed).flatMap { $0.isEmpty ? nil : $0 }
        }
        switch entry["type"]?.string {
        case "api_key": return text("key").map { (.apiKey, $0) }
        case "token": return text("token").map { (.token, $0) }
        case "oauth":
            guard text("access") != nil || text("refresh") != nil else { return nil }
            return (.oauth, JSONWriter.text(entry, pretty: false))
        default: return nil
        }
    }

    /// In the order of their names.
    var providers: [String] { Set(entries.map(\.provider)).sorted() }

    /// The file's own order for a provider; nil: it has none.
    func order(_ provider: String) -> [String]? { order[provider].flatMap { $0.isEmpty ? nil : $0 } }
}
