internal import Config

/// A key or token that a person pasted, as it is stored.
struct PastedCredential: Equatable {
    enum Kind: String {
        case apiKey = "api_key"
        case token = "token"
    }

    let kind: Kind
    let provider: String
    /// Secret.
    let value: String
    /// Milliseconds since 1970; nil: not known.
    let expires: Int64?

    /// Throws what to type instead; never with anything of the value in it.
    init(_ kind: Kind, _ provider: String, _ value: String, expires: Int64? = nil) throws(CommandFailure) {
        let words = kind == .apiKey ? "key" : "token"
        guard !value.isEmpty else { throw CommandFailure(text: "Nothing was pasted; nothing was stored.") }
        guard value.utf8.count <= 16 * 1024, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CommandFailure(
                text: "That is no \(words): it has blanks or signs that none has. Nothing was stored. "
                    + "Paste it again, the \(words) alone."
            )
        }
        let isSetupToken = value.hasPrefix("sk-ant-oat")
        if provider == "anthropic" {
            if kind == .apiKey, isSetupToken {
                throw CommandFailure(
                    text: "That is a setup token, no API key. Nothing was stored. "
                        + "Store it with:  clawhold models auth paste-token --provider anthropic"
                )
            }
            if kind == .token, value.hasPrefix("sk-ant-api") {
                throw CommandFailure(
                    text: "That is an API key, no token. Nothing was stored. "
                        + "Store it with:  clawhold models auth paste-api-key --provider anthropic"
                )
            }
            // OpenClaw's own bound: what is shorter was cut off while it was copied.
            if isSetupToken, value.utf8.count < 80 {
                throw CommandFailure(text: "That token is cut off. Nothing was stored. Copy the whole of it.")
            }
        }
        (self.kind, self.provider, self.value, self.expires) = (kind, provider, value, expires)
    }

    /// Those of the profile in `auth-profiles.json`.
    var members: [ConfigObject.Member] {
        var members = [("type", kind.rawValue), ("provider", provider), (kind == .apiKey ? "key" : "token", value)].map
        {
            ConfigObject.Member(key: $0.0, value: ConfigValue(.string($0.1)))
        }
        if let expires {
            members.append(.init(key: "expires", value: ConfigValue(.number(Double(expires), text: String(expires)))))
        }
        return members
    }

    /// A time as OpenClaw's flag takes it, in milliseconds: `90m`, `12h`, `365d`, `1w`, days where no unit stands.
    static func milliseconds(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units: [Substring: Int64] = ["": 86_400, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let number = Int64(digits), (1...100_000).contains(number), let unit = units[text.dropFirst(digits.count)]
        else { return nil }
        return number * unit * 1000
    }
}
