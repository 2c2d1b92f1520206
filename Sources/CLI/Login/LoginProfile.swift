internal import Config
internal import OAuth

/// A login as it is stored: OpenClaw's `oauth` profile.
enum LoginProfile {
    static func members(
        _ credential: OAuthCredential,
        provider: String
    ) throws(CommandFailure) -> [ConfigObject.Member] {
        guard let stored = try? JSON5Parser.parse(credential.stored()), let object = stored.object else {
            throw CommandFailure(text: "The login service's answer cannot be stored. Nothing was stored.")
        }
        let own = [("type", "oauth"), ("provider", provider)].map {
            ConfigObject.Member(key: $0.0, value: ConfigValue(.string($0.1)))
        }
        return own + object.members.filter { !["type", "provider"].contains($0.key) }
    }
}
