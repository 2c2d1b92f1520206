internal import Config

/// What `models set` makes of `openclaw.json`: the new text, or why it stays.
struct ModelChoice: Equatable {
    /// `provider/model`.
    var model: String
    /// As it stood there.
    var old: String?
    var bytes: [UInt8]
    var notes: [String] = []

    private static let place: ConfigPath = ["agents", "defaults", "model"]

    /// - Parameters:
    ///   - written: an alias, `provider/model`, or a model of Anthropic's without its provider, as in OpenClaw.
    ///   - bytes: the file; nil: there is none.
    ///   - served: the providers that the running gateway has keys for; nil: none runs.
    ///   - environment: of the gateway, as far as it is known.
    init(
        _ written: String,
        bytes: [UInt8]?,
        paths: StatePaths,
        environment: Environment,
        files: some FileReading,
        served: Set<String>?
    ) throws(CommandFailure) {
        let before = ConfigLoader.load(paths: paths, environment: environment, files: files).config
        guard before.error.isEmpty else {
            throw CommandFailure(text: "\(before.error)\nNothing was changed. Correct the file first.")
        }
        model = try Self.name(written, before)
        let note = try Self.check(model, before, files, served)
        let old = bytes ?? Array("{\n}\n".utf8)
        let path = try Self.path(in: old, before, paths)
        self.old = LoadedConfig.find(path, in: before.root)?.string
        do {
            self.bytes = try ConfigEdit.setting(path, to: ConfigValue(.string(model)), in: old)
        } catch {
            throw CommandFailure(text: "\(paths.configPath): \(error). Nothing was changed; \(Self.byHand(model))")
        }
        // What a start would say of it: nothing may be worse than before.
        let changed = ChangedFile(base: files, path: paths.configPath, bytes: self.bytes)
        let after = ConfigLoader.load(paths: paths, environment: environment, files: changed).config
        let known = Set(before.problems.map { "\($0.path): \($0.text)" })
        let worse = after.problems.map { "\($0.path): \($0.text)" }.filter { !known.contains($0) }
        guard after.error.isEmpty, worse.isEmpty, LoadedConfig.find(path, in: after.root)?.string == model else {
            let why = after.error.isEmpty ? worse.first ?? "another file says something else" : after.error
            throw CommandFailure(
                text: "With this model \(paths.configPath) would not be used as meant (\(why)). Nothing was changed."
            )
        }
        if let note { notes.append(note) }
        for agent in after.agents() where agent.model.primary != model {
            notes.append(
                "Agent \(agent.id) has a model of its own in agents.list (\(agent.model.primary ?? "none")), which stays."
            )
        }
    }

    /// The full name.
    private static func name(_ written: String, _ config: LoadedConfig) throws(CommandFailure) -> String {
        let full = config.modelAliases()[written.lowercased()] ?? written
        let model = full.contains("/") ? full : "anthropic/\(full)"
        let provider = model.prefix { $0 != "/" }
        let isName = model.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"'\\${}".utf8.contains($0) }
        guard isName, !provider.isEmpty, model.utf8.count > provider.utf8.count + 1, model.utf8.count <= 256 else {
            throw CommandFailure(
                text: "\"\(Words.plain(String(written.prefix(60))))\" is no model. It is named provider/model: "
                    + "openai/gpt-5.2. See them:  clawhold models list",
                code: 2
            )
        }
        return provider.lowercased() + model.dropFirst(provider.count)
    }

    /// Whether somebody can answer with it. Returns what is to be said all the same.
    private static func check(
        _ model: String,
        _ config: LoadedConfig,
        _ files: some FileReading,
        _ served: Set<String>?
    ) throws(CommandFailure) -> String? {
        let provider = String(model.prefix { $0 != "/" })
        let directory = config.agents().first { $0.isDefault }?.agentDirectory ?? ""
        let providers = config.providers(agentDirectory: directory, files: files)
        if providers[provider] != nil || served?.contains(provider) == true { return nil }
        if let unusable = providers.unusable[provider] {
            throw CommandFailure(
                text: "\(provider) cannot be called: \(unusable.reason). \(unusable.remedy) Nothing was changed."
            )
        }
        let known = KnownProvider.named(provider)
        guard known != nil || providers.named.contains(provider) else {
            let names = KnownProvider.all.map(\.name) + providers.named
            let near = NearestName.of(provider, among: names).map { " Did you mean \($0)?" } ?? ""
            throw CommandFailure(
                text:
                    "Nobody knows a provider \"\(provider.prefix(60))\".\(near) A server of your own is described under "
                    + "models.providers.\(provider.prefix(60)) (docs/models.md). Nothing was changed.",
                code: 2
            )
        }
        if let known, !known.isSpoken {
            throw CommandFailure(text: "This version does not know how to speak to \(provider). Nothing was changed.")
        }
        let cure = cure(provider, known)
        guard served == nil else {
            throw CommandFailure(text: "The gateway has no key for \(provider). Nothing was changed. \(cure)")
        }
        return "No key for \(provider) is seen from here; the gateway's own environment may have one. If not: \(cure)"
    }

    private static func cure(_ provider: String, _ known: KnownProvider?) -> String {
        if provider == "openai-codex" { return "Log in:  clawhold models auth login --provider openai-codex" }
        let variable = known?.variables.last.map { " (or set \($0) where the gateway is started)" } ?? ""
        return "Give it one:  clawhold models auth paste-api-key --provider \(provider)\(variable)"
    }

    /// Where the name belongs in this file.
    private static func path(
        in bytes: [UInt8],
        _ config: LoadedConfig,
        _ paths: StatePaths
    ) throws(CommandFailure) -> ConfigPath {
        let root: ConfigValue
        do {
            root = try JSON5Parser.parse(bytes)
        } catch {
            throw CommandFailure(text: "\(paths.configPath) cannot be used: \(error)\nNothing was changed.")
        }
        let own = LoadedConfig.find(place, in: root)
        let isText = own?.string != nil
        let path = isText ? place : place + "primary"
        if let text = LoadedConfig.find(path, in: root) {
            guard let string = text.string else {
                throw CommandFailure(text: "\(path) is \(text.kindName), not a text. Nothing was changed.")
            }
            guard !string.contains("${") else {
                throw CommandFailure(
                    text: "\(path) is \(Words.plain(String(string.prefix(80)))): the variable decides. "
                        + "Change it where it is set. Nothing was changed."
                )
            }
            return path
        }
        // It is not written here. What is in force all the same comes from another file.
        if config.anyValue(place)?.string != nil || config.anyValue(place + "primary") != nil {
            let around = (0...place.parts.count).compactMap { count in
                LoadedConfig.find(ConfigPath(Array(place.parts.prefix(count))), in: root)?["$include"]
            }
            let name = around.last?.string.map { " (\(Words.plain(String($0.prefix(200)))))" } ?? ""
            throw CommandFailure(
                text: "\(path) comes from a file that $include names\(name). Change it there. Nothing was changed."
            )
        }
        return path
    }

    private static func byHand(_ model: String) -> String {
        "write it there yourself: agents: { defaults: { model: { primary: \"\(model)\" } } }"
    }
}

/// The files as they would be with one of them changed.
private struct ChangedFile<Base: FileReading>: FileReading {
    let base: Base
    let path: String
    let bytes: [UInt8]

    func read(_ path: String, limit: Int) -> FileContent {
        path == self.path ? .bytes(bytes) : base.read(path, limit: limit)
    }

    func isDirectory(_ path: String) -> Bool { base.isDirectory(path) }
}
