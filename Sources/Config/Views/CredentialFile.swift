/// `auth-profiles.json` of the default agent, as commands change it.
package enum CredentialFile {
    /// Bytes of the file that are read.
    package static let limit = 1 << 20
    /// Profiles beyond it are not read.
    static let profileLimit = 200
    static let idLimit = 200

    package static func path(agentDirectory: String) -> String { agentDirectory + "/auth-profiles.json" }

    /// The file with one profile stored, in the place of the one with this id. All others stay as they are written.
    ///
    /// - Parameters:
    ///   - members: those of the profile: `type`, `provider`, and what its type needs. Secret.
    ///   - bytes: the file; nil: there is none.
    ///
    /// Throws when the file does not parse, or would not be read with it.
    package static func storing(
        _ members: [ConfigObject.Member],
        as id: String,
        in bytes: [UInt8]?
    ) throws(ConfigEdit.Refusal) -> [UInt8] {
        guard !id.isEmpty, id.utf8.count <= idLimit else {
            throw ConfigEdit.Refusal(description: "a profile's name has 1 to \(idLimit) bytes")
        }
        var profile = ConfigObject()
        for member in members { profile.set(member) }
        let new = try ConfigEdit.setting(
            ["profiles", id],
            to: ConfigValue(.object(profile)),
            in: bytes ?? Array("{\n  \"version\": 1\n}\n".utf8)
        )
        guard new.count <= limit, let root = try? JSON5Parser.parse(new),
            let at = root["profiles"]?.object?.members.firstIndex(where: { $0.key == id }), at < profileLimit
        else {
            throw ConfigEdit.Refusal(
                description:
                    "it is full: \(profileLimit) profiles and \(limit) bytes are read of it. Remove some by hand"
            )
        }
        return new
    }
}

/// A stored credential, without its secret.
package struct StoredProfile: Equatable, Sendable {
    package var id: String
    package var provider: String
    /// `api_key`, `token`, `oauth`.
    package var type: String
    /// Milliseconds since 1970; 0: not known.
    package var expires: Int
    /// False when an order, or what `auth.profiles` says of it, keeps it from being used.
    package var isUsed: Bool
}

extension LoadedConfig {
    /// The default agent's stored credentials, in the order of the file.
    package func storedProfiles(agentDirectory: String, files: some FileReading) -> [StoredProfile] {
        let path = CredentialFile.path(agentDirectory: agentDirectory)
        guard case .bytes(let bytes) = files.read(path, limit: CredentialFile.limit),
            let root = try? JSON5Parser.parse(bytes)
        else { return [] }
        let providers = providers(agentDirectory: agentDirectory, files: files)
        return AuthProfiles.read(agentDirectory: agentDirectory, files: files).entries.map { entry in
            let written = root["profiles"]?[entry.id]
            let used = providers[entry.provider.lowercased()]?.config.profiles ?? []
            return StoredProfile(
                id: entry.id,
                provider: entry.provider,
                type: written?["type"]?.string ?? "",
                expires: written?["expires"]?.integer ?? 0,
                isUsed: used.contains { $0.id == entry.id }
            )
        }
    }
}
