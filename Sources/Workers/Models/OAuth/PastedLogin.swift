internal import FoundationEssentials
internal import IPCControl

/// A login whose code a person copies from the browser into the terminal: Anthropic's, whose page shows `code#state`
/// (authorization code with PKCE, RFC 7636). Pure: its driver makes the requests.
package struct PastedLogin: Equatable, Sendable {
    private static let redirect = "https://console.anthropic.com/oauth/code/callback"
    private static let scopes = "org:create_api_key user:profile user:inference"

    private let verifier: String
    private let state: String

    /// - Parameter random: 64 random bytes, of this login alone.
    package init(random: [UInt8]) {
        verifier = Self.base64URL(Array(random.prefix(32)))
        state = Self.base64URL(Array(random.dropFirst(32).prefix(32)))
    }

    /// To be opened in any browser.
    package var url: String {
        "https://claude.ai/oauth/authorize?"
            + OAuthService.query([
                ("code", "true"), ("client_id", OAuthService.anthropic.clientID), ("response_type", "code"),
                ("redirect_uri", Self.redirect), ("scope", Self.scopes),
                ("code_challenge", Self.base64URL(SHA256.hash(Array(verifier.utf8)))),
                ("code_challenge_method", "S256"), ("state", state),
            ])
    }

    /// The exchange of what was pasted, `code#state`; `OAuthService.anthropic.credential` reads its answer. Nil when it is
    /// the code of another login, or none.
    package func exchange(pasted: String) -> OAuthRequest? {
        let parts = pasted.filter { !$0.isWhitespace }.split(separator: "#", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[1] == state, pasted.utf8.count <= 4096 else { return nil }
        return OAuthService.anthropic.token([
            ("grant_type", "authorization_code"), ("code", String(parts[0])), ("state", state),
            ("client_id", OAuthService.anthropic.clientID), ("redirect_uri", Self.redirect),
            ("code_verifier", verifier),
        ])
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
