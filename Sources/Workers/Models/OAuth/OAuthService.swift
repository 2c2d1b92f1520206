internal import FoundationEssentials
internal import Runtime

/// A request to a login service, to be made as it stands. Its body is secret.
package struct OAuthRequest: Equatable, Sendable {
    package var url: String
    package var contentType: String
    package var body: [UInt8]
}

/// Why a login service gave no credential.
package struct OAuthFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The stored login is of no use any more: a person has to log in again.
    package var isFinal: Bool
    /// Bounded; the service's own words without tokens.
    package var description: String
}

/// A provider's login service. The public client of the vendor's own command line tool is used, as OpenClaw does; whether a
/// subscription may be used so is between its owner and the vendor.
package struct OAuthService: Equatable, Sendable {
    package enum Form: Sendable {
        case json
        case urlEncoded
    }

    package var tokenURL: String
    package var clientID: String
    package var form: Form

    /// Source: Claude Code's public client, read 2026-11.
    package static let anthropic = OAuthService(
        tokenURL: "https://platform.claude.com/v1/oauth/token",
        clientID: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
        form: .json
    )
    /// Source: the Codex command line's public client (openai/codex, codex-rs/login), read 2026-11.
    package static let openAI = OAuthService(
        tokenURL: "https://auth.openai.com/oauth/token",
        clientID: "app_EMoamEEZ73f0CkXaXp7hrann",
        form: .urlEncoded
    )

    /// The service of a provider; nil when its subscriptions are not known here.
    package static func of(_ provider: String) -> OAuthService? {
        switch provider {
        case "anthropic": .anthropic
        case "openai", "openai-codex": .openAI
        default: nil
        }
    }

    /// Exchanges a refresh token for a new access token. A stored credential may name another token endpoint (`tokenURL`):
    /// https, or this machine.
    package func refresh(_ credential: OAuthCredential) -> OAuthRequest {
        var request = token([
            ("grant_type", "refresh_token"), ("refresh_token", credential.refresh), ("client_id", clientID),
        ])
        if let own = credential.other["tokenURL"]?.string, Self.isSafe(own) { request.url = own }
        return request
    }

    /// Whether credentials may go there: encrypted, or to this machine.
    static func isSafe(_ url: String) -> Bool {
        ["https://", "http://127.0.0.1:", "http://localhost:"].contains(where: url.hasPrefix)
    }

    /// A request to the token endpoint.
    func token(_ fields: [(String, String)]) -> OAuthRequest {
        switch form {
        case .json:
            let object = JSONObject(members: fields.map { .init(key: $0.0, value: .string($0.1)) })
            return OAuthRequest(
                url: tokenURL,
                contentType: "application/json",
                body: JSON.object(object).encoded()
            )
        case .urlEncoded:
            return OAuthRequest(
                url: tokenURL,
                contentType: "application/x-www-form-urlencoded",
                body: Array(Self.query(fields).utf8)
            )
        }
    }

    /// The answer of the token endpoint. What it does not say again (a refresh token that goes on, the account) is kept from
    /// `old`.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func credential(
        status: Int,
        body: [UInt8],
        old: OAuthCredential?,
        at now: Int64
    ) throws(OAuthFailure) -> OAuthCredential {
        let json = body.count <= OAuthCredential.sizeLimit ? try? JSON(parsing: body) : nil
        guard status == 200, let access = json?["access_token"]?.string, !access.isEmpty else {
            throw Self.failure(status: status, json, without: [old?.refresh ?? "", old?.access ?? ""])
        }
        let refresh = json?["refresh_token"]?.string ?? old?.refresh ?? ""
        let seconds = min(max(json?["expires_in"]?.integer ?? 3600, 0), 366 * 86_400)
        var new = OAuthCredential(access: access, refresh: refresh, expires: now + seconds * 1000)
        new.other = old?.other ?? JSONObject()
        new.account = self == .openAI ? OAuthCredential.account(inToken: access) : ""
        if new.account.isEmpty { new.account = old?.account ?? "" }
        return new
    }

    /// `error` is a word in RFC 6749 and an object at OpenAI.
    ///
    /// - Parameter secrets: what was sent and may be repeated in the answer.
    static func failure(status: Int, _ json: JSON?, without secrets: [String] = []) -> OAuthFailure {
        let code = json?["error"]?.string ?? json?["error"]?["code"]?.string ?? json?["error"]?["type"]?.string ?? ""
        let words = json?["error_description"]?.string ?? json?["error"]?["message"]?.string ?? ""
        let final: Set<String> = [
            "invalid_grant", "refresh_token_reused", "refresh_token_expired", "refresh_token_invalidated",
            "invalid_refresh_token", "unauthorized_client", "invalid_client", "access_denied",
        ]
        let clean = secrets.filter { !$0.isEmpty }.reduce(words) { $0.replacing($1, with: "[redacted]") }
        let text = [status == 0 ? "" : "HTTP \(status)", String(code.prefix(60)), String(clean.prefix(200))]
        return OAuthFailure(
            isFinal: final.contains(code) || status == 401 || status == 403,
            description: text.filter { !$0.isEmpty }.joined(separator: " · ")
        )
    }

    static func query(_ fields: [(String, String)]) -> String {
        fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
    }

    /// Percent-encoding of everything but RFC 3986's unreserved characters.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.utf8.count == 1 ? "0" + hex : hex)
            }
        }
        return result
    }
}
