/// What proves us to the provider.
enum Credential: Sendable, Equatable {
    case key(String)
    /// An OAuth or setup token (`sk-ant-oat…`), which goes as Bearer only.
    case token(String)

    /// From the worker's secrets; nil when there is none.
    init?(secrets: [String: String]) {
        let found = [secrets["ANTHROPIC_API_KEY"], secrets["ANTHROPIC_OAUTH_TOKEN"]]
            .compactMap { $0 }.first { !$0.isEmpty }
        guard let found else { return nil }
        self =
            found.hasPrefix("sk-ant-oat") || secrets["ANTHROPIC_API_KEY"]?.isEmpty ?? true ? .token(found) : .key(found)
    }

    var headers: [(name: String, value: String)] {
        switch self {
        case .key(let key): [("x-api-key", key)]
        case .token(let token): [("authorization", "Bearer \(token)"), ("anthropic-beta", "oauth-2025-04-20")]
        }
    }

    /// `text` without the secret: a proxy may repeat what it was sent.
    func redacted(_ text: String) -> String {
        let secret =
            switch self {
            case .key(let key): key
            case .token(let token): token
            }
        guard secret.utf8.count >= 6 else { return text }
        var rest = text[...]
        var clean = ""
        while let start = Self.firstIndex(of: secret, in: rest) {
            clean += rest[..<start] + "[redacted]"
            rest = rest[rest.index(start, offsetBy: secret.count)...]
        }
        return clean + rest
    }

    private static func firstIndex(of secret: String, in text: Substring) -> Substring.Index? {
        text.indices.first { text[$0...].hasPrefix(secret) }
    }
}
