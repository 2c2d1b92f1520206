internal import FoundationEssentials
package import Runtime

/// A subscription's credential as it is stored: `{"access", "refresh", "expires", "accountId"}`, as in OpenClaw's
/// `auth-profiles.json`. Members that are not known here stay. Secret.
package struct OAuthCredential: Equatable, Sendable {
    package var access: String
    package var refresh: String
    /// Milliseconds since 1970; 0: not known.
    package var expires: Int64
    /// The account that the provider wants named beside the token; empty: none.
    package var account: String
    package var other = JSONObject()

    /// Longest stored form.
    package static let sizeLimit = 64 * 1024
    /// Before it ends a token is exchanged for a new one.
    package static let margin = Duration.seconds(300)

    package init(access: String, refresh: String, expires: Int64, account: String = "") {
        self.access = access
        self.refresh = refresh
        self.expires = expires
        self.account = account
    }

    /// Nil for what is no JSON object or holds neither token.
    package init?(stored bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes.prefix(Self.sizeLimit + 1))
        guard bytes.count <= Self.sizeLimit, case .object(let object)? = try? JSON(parsing: bytes) else { return nil }
        access = object["access"]?.string ?? ""
        refresh = object["refresh"]?.string ?? ""
        guard !access.isEmpty || !refresh.isEmpty else { return nil }
        expires = object["expires"]?.integer ?? 0
        account = object["accountId"]?.string ?? object["account"]?.string ?? ""
        other = object
    }

    package func stored() -> [UInt8] {
        var object = other
        object["access"] = .string(access)
        object["refresh"] = .string(refresh)
        object["expires"] = .integer(expires)
        if !account.isEmpty { object["accountId"] = .string(account) }
        return JSON.object(object).encoded()
    }

    /// Whether it is time for a new access token, at `now` in milliseconds since 1970.
    package func isDue(at now: Int64) -> Bool {
        guard !refresh.isEmpty else { return false }
        if access.isEmpty { return true }
        return expires > 0 && expires - Self.margin.components.seconds * 1000 <= now
    }

    /// Whether the access token can still be used at `now`.
    package func isUsable(at now: Int64) -> Bool { !access.isEmpty && (expires <= 0 || expires > now) }

    /// The account that OpenAI's access token names (claim `https://api.openai.com/auth`); empty when it names none. The
    /// signature is the provider's to check.
    package static func account(inToken token: String) -> String {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, token.utf8.count <= 32 * 1024 else { return "" }
        var base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
        while base64.utf8.count % 4 != 0 { base64 += "=" }
        guard let data = Data(base64Encoded: base64), let claims = try? JSON(parsing: Array(data)) else { return "" }
        return String((claims["https://api.openai.com/auth"]?["chatgpt_account_id"]?.string ?? "").prefix(200))
    }
}
