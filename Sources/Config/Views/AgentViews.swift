internal import IPCControl

/// One agent as the configuration describes it.
package struct AgentEntry: Sendable, Equatable {
    package var id: String
    package var name: String
    package var isDefault: Bool
    package var workspace: String
    package var agentDirectory: String
    package var model: ModelNames
    package var mentionPatterns: [String]
}

/// The models that are named, as written.
package struct ModelNames: Sendable, Equatable {
    package var primary: String?
    package var fallbacks: [String]

    package init(primary: String? = nil, fallbacks: [String] = []) {
        self.primary = primary
        self.fallbacks = fallbacks
    }
}

extension LoadedConfig {
    /// Agents beyond this are left out, with a problem.
    package static var agentLimit: Int { 64 }

    /// The agents; without a list `main` alone. Exactly one is the default.
    package func agents() -> [AgentEntry] {
        var entries: [AgentEntry] = []
        var defaultIndex: Int?
        for index in 0..<min(anyValue(["agents", "list"])?.array?.count ?? 0, Self.agentLimit) {
            let path = ConfigPath(["agents", "list", String(index)])
            guard let id = value(path + "id")?.string.map(Self.agentID), !entries.contains(where: { $0.id == id })
            else {
                continue
            }
            if defaultIndex == nil, value(path + "default")?.bool == true { defaultIndex = entries.count }
            entries.append(agent(id, at: path))
        }
        if entries.isEmpty { entries = [agent("main", at: ["agents", "list", "none"])] }
        let chosen = defaultIndex ?? 0
        entries[chosen].isDefault = true
        entries[chosen].workspace = workspace(
            of: entries[chosen].id,
            at: chosenPath(entries[chosen].id),
            isDefault: true
        )
        return entries
    }

    /// Full names by the names that people gave them, in small letters (`agents.defaults.models.<name>.alias`).
    package func modelAliases() -> [String: String] {
        var aliases: [String: String] = [:]
        for member in value(["agents", "defaults", "models"])?.object?.members ?? [] {
            if let alias = member.value["alias"]?.string { aliases[alias.lowercased()] = member.key }
        }
        return aliases
    }

    /// The zone of the times that models are told, as an IANA name: `agents.defaults.envelopeTimezone` is `local` (the
    /// host's), `utc`, `user` (`userTimezone`) or a name. Empty: the host's.
    package func envelopeTimezone() -> String {
        let written = value(["agents", "defaults", "envelopeTimezone"])?.string ?? "local"
        return switch written.lowercased() {
        case "", "local", "host": ""
        case "utc", "gmt": "UTC"
        case "user": value(["agents", "defaults", "userTimezone"])?.string ?? ""
        default: written
        }
    }

    /// A switch that is written `on` and `off`; on where nothing is written.
    package func isOn(_ path: ConfigPath) -> Bool {
        value(path)?.string?.lowercased() != "off" && value(path)?.bool != false
    }

    /// An agent's id from what people write: lower case, `[a-z0-9][a-z0-9_-]{0,63}`, never empty.
    package static func agentID(_ text: String) -> String {
        var id = ""
        for character in text.lowercased() {
            switch character {
            case "a"..."z" where character.isASCII, "0"..."9" where character.isASCII: id.append(character)
            case "_" where !id.isEmpty: id.append(character)
            default: if !id.isEmpty, !id.hasSuffix("-") { id.append("-") }
            }
            if id.utf8.count >= 64 { break }
        }
        while id.hasSuffix("-") { id.removeLast() }
        return id.isEmpty ? "main" : id
    }

    private func agent(_ id: String, at path: ConfigPath) -> AgentEntry {
        AgentEntry(
            id: id,
            name: value(path + "name")?.string ?? "",
            isDefault: false,
            workspace: workspace(of: id, at: path, isDefault: false),
            agentDirectory: value(path + "agentDir")?.string.map(absolute)
                ?? "\(paths.stateDirectory)/agents/\(id)/agent",
            model: modelNames(path + "model") ?? modelNames(["agents", "defaults", "model"]) ?? ModelNames(),
            mentionPatterns: mentionPatterns(path + "groupChat" + "mentionPatterns")
                ?? mentionPatterns(["messages", "groupChat", "mentionPatterns"]) ?? []
        )
    }

    /// Patterns of one list that are used; further ones are a problem.
    static var patternLimit: Int { 50 }

    /// The sound ones. Nil: there is no such list.
    private func mentionPatterns(_ path: ConfigPath) -> [String]? {
        anyValue(path)?.array?.prefix(Self.patternLimit).enumerated().compactMap { index, pattern in
            isSound(path + String(index)) ? pattern.string : nil
        }
    }

    private func chosenPath(_ id: String) -> ConfigPath {
        let list = anyValue(["agents", "list"])?.array ?? []
        let index = list.firstIndex { $0["id"]?.string.map(Self.agentID) == id }
        return ["agents", "list", index.map(String.init) ?? "none"]
    }

    private func workspace(of id: String, at path: ConfigPath, isDefault: Bool) -> String {
        if let own = value(path + "workspace")?.string { return absolute(own) }
        guard isDefault else { return "\(paths.stateDirectory)/workspace-\(id)" }
        let shared = value(["agents", "defaults", "workspace"])?.string ?? environment.branded("WORKSPACE_DIR")
        return shared.map(absolute) ?? "\(paths.stateDirectory)/workspace"
    }

    private func modelNames(_ path: ConfigPath) -> ModelNames? {
        guard let model = value(path) else { return nil }
        if let name = model.string { return ModelNames(primary: name) }
        guard model.object != nil else { return nil }
        return ModelNames(
            primary: model["primary"]?.string,
            fallbacks: model["fallbacks"]?.array?.compactMap(\.string) ?? []
        )
    }

    /// A path of the configuration; relative ones are in the state directory.
    func absolute(_ path: String) -> String {
        StatePaths.absolute(path, home: paths.home, currentDirectory: paths.stateDirectory)
    }
}
