internal import Config
internal import Glibc

/// The default agent's `auth-profiles.json`, where the plan looks for it.
struct CredentialStore {
    let path: String
    private let paths: StatePaths
    private let environment: Environment
    private let agentDirectory: String

    /// - Parameter environment: of the gateway, as far as it is known.
    init(paths: StatePaths, environment: Environment) throws(CommandFailure) {
        let config = ConfigLoader.load(paths: paths, environment: environment, files: DiskFiles()).config
        guard config.error.isEmpty else {
            // Which agent is meant stands in it.
            throw CommandFailure(text: "\(config.error)\nNothing was stored. Correct the file first.")
        }
        self.paths = paths
        self.environment = environment
        agentDirectory = config.agents().first { $0.isDefault }?.agentDirectory ?? ""
        path = CredentialFile.path(agentDirectory: agentDirectory)
    }

    private var config: LoadedConfig {
        ConfigLoader.load(paths: paths, environment: environment, files: DiskFiles()).config
    }

    /// What is stored now.
    var profiles: [StoredProfile] { config.storedProfiles(agentDirectory: agentDirectory, files: DiskFiles()) }

    /// Whether the file can be written over, before anybody logs in for it.
    func check() throws {
        let file = try FileReplacement(path, limit: CredentialFile.limit)
        _ = try storing([], as: "check", in: file.bytes)
    }

    /// Whether something could be done with it. Throws what to type instead.
    func checkProvider(_ provider: String, _ kind: PastedCredential.Kind) throws(CommandFailure) {
        let written = (config.anyValue(["models", "providers"])?.object?.members ?? []).map { $0.key.lowercased() }
        let names = KnownProvider.all.filter(\.isSpoken).map(\.name) + written
        let shown = Words.plain(String(provider.prefix(60)))
        guard names.contains(provider) else {
            let near = NearestName.of(provider, among: names).map { " Did you mean \(Words.plain($0))?" }
            throw CommandFailure(
                text: "This version knows no provider \"\(shown)\"."
                    + (near ?? " Those with a key of one variable are listed in docs/models.md."),
                code: 2
            )
        }
        if kind == .apiKey, provider == "openai-codex" {
            throw CommandFailure(
                text: "\(shown) takes no key. Log in:  clawhold models auth login --provider openai-codex",
                code: 2
            )
        }
        if kind == .token, provider == "google" {
            throw CommandFailure(
                text: "Google takes keys. Type:  clawhold models auth paste-api-key --provider google",
                code: 2
            )
        }
    }

    /// Stores one profile and returns what is to be said about its use.
    func store(_ members: [ConfigObject.Member], as id: String, provider: String) throws -> [String] {
        let before = profiles
        let file = try FileReplacement(path, limit: CredentialFile.limit)
        try file.write(try storing(members, as: id, in: file.bytes), mode: 0o600)
        let after = profiles
        var notes: [String] = []
        if after.first(where: { $0.id == id })?.isUsed != true {
            notes.append(
                "It is not used as things stand: auth.order, auth.profiles or models.providers.\(provider) keep it out. "
                    + "Add \(id) to auth.order.\(provider), or take that list away."
            )
        } else if !before.contains(where: { $0.provider == provider }) {
            notes.append("From now on stored profiles are used for \(provider); keys in variables and files are not.")
        }
        return notes
    }

    private func storing(
        _ members: [ConfigObject.Member],
        as id: String,
        in bytes: [UInt8]?
    ) throws(CommandFailure) -> [UInt8] {
        do {
            return try CredentialFile.storing(members, as: id, in: bytes)
        } catch {
            throw CommandFailure(
                text: "\(path): \(error). Nothing was stored. Correct the file, or move it away to begin a new one."
            )
        }
    }
}
