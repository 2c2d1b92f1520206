internal import Runtime

/// A login without a browser on this machine: a code is shown, a person types it on another device. OpenAI's own protocol
/// (openai/codex, codex-rs/login/src/device_code_auth.rs, read 2026-11); the words of RFC 8628 (`slow_down`, `expired_token`, …)
/// are understood beside it. Pure: `DeviceLoginRun` makes the requests.
package struct DeviceLogin: Equatable, Sendable {
    /// Where one logs in; without a slash at its end.
    package let issuer: String

    package static let openAI = "https://auth.openai.com"
    /// What a service that is asked too often adds to the interval (RFC 8628, section 3.5).
    package static let slowing = Duration.seconds(5)

    /// Nil for an address that is neither encrypted nor on this machine.
    package init?(issuer: String = DeviceLogin.openAI) {
        guard OAuthService.isSafe(issuer), !issuer.hasSuffix("/"), issuer.utf8.count <= 500 else { return nil }
        self.issuer = issuer
    }

    /// What a person is shown, and what is asked with meanwhile.
    package struct Code: Equatable, Sendable {
        package var url: String
        package var userCode: String
        package var deviceID: String
        /// Between two polls.
        package var interval: Duration
        package var lifetime: Duration
    }

    /// What a poll came to.
    package enum Poll: Equatable, Sendable {
        case pending
        /// Not yet, and asked too often.
        case slower
        case granted(code: String, verifier: String)
    }

    package func start() -> OAuthRequest {
        json("/api/accounts/deviceauth/usercode", [("client_id", OAuthService.openAI.clientID)])
    }

    package func code(status: Int, body: [UInt8]) throws(OAuthFailure) -> Code {
        let answer = body.count <= OAuthCredential.sizeLimit ? try? JSON(parsing: body) : nil
        if status == 404 {
            throw OAuthFailure(
                isFinal: true,
                description: "this account may not log in with a code; allow it in ChatGPT's settings, under Security"
            )
        }
        guard status == 200, let id = answer?["device_auth_id"]?.string, !id.isEmpty,
            let code = answer?["user_code"]?.string ?? answer?["usercode"]?.string, !code.isEmpty
        else { throw OAuthService.failure(status: status, answer) }
        // The interval comes as a number in a string.
        let seconds = answer?["interval"]?.integer ?? answer?["interval"]?.string.flatMap { Int64($0) } ?? 5
        let lifetime = answer?["expires_in"]?.integer ?? 900
        return Code(
            url: issuer + "/codex/device",
            userCode: String(code.prefix(40)),
            deviceID: id,
            interval: .seconds(min(max(seconds, 1), 60)),
            lifetime: .seconds(min(max(lifetime, 60), 3600))
        )
    }

    package func poll(_ code: Code) -> OAuthRequest {
        json("/api/accounts/deviceauth/token", [("device_auth_id", code.deviceID), ("user_code", code.userCode)])
    }

    /// 403 and 404 stand for "not yet" unless a word says something else.
    package func poll(status: Int, body: [UInt8]) throws(OAuthFailure) -> Poll {
        let answer = body.count <= OAuthCredential.sizeLimit ? try? JSON(parsing: body) : nil
        switch answer?["error"]?.string ?? answer?["error"]?["code"]?.string {
        case "authorization_pending": return .pending
        case "slow_down": return .slower
        case "expired_token": throw .expired
        case "access_denied": throw OAuthFailure(isFinal: true, description: "it was declined in the browser")
        default: break
        }
        if status == 403 || status == 404 { return .pending }
        if status == 429 { return .slower }
        guard status == 200, let code = answer?["authorization_code"]?.string, !code.isEmpty,
            let verifier = answer?["code_verifier"]?.string
        else { throw OAuthService.failure(status: status, answer) }
        return .granted(code: code, verifier: verifier)
    }

    /// The last step; `credential` reads its answer.
    package func exchange(code: String, verifier: String) -> OAuthRequest {
        var request = OAuthService.openAI.token([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", issuer + "/deviceauth/callback"),
            ("client_id", OAuthService.openAI.clientID), ("code_verifier", verifier),
        ])
        request.url = tokenURL
        return request
    }

    /// The credential of the last step's answer; another issuer than OpenAI's renews it too.
    package func credential(status: Int, body: [UInt8], at now: Int64) throws(OAuthFailure) -> OAuthCredential {
        var credential = try OAuthService.openAI.credential(status: status, body: body, old: nil, at: now)
        guard !credential.refresh.isEmpty else {
            throw OAuthFailure(isFinal: true, description: "the login service gave no refresh token")
        }
        if issuer != Self.openAI { credential.other["tokenURL"] = .string(tokenURL) }
        return credential
    }

    private var tokenURL: String { issuer + "/oauth/token" }

    private func json(_ path: String, _ fields: [(String, String)]) -> OAuthRequest {
        let object = JSONObject(members: fields.map { .init(key: $0.0, value: .string($0.1)) })
        return OAuthRequest(
            url: issuer + path,
            contentType: "application/json",
            body: JSON.object(object).encoded()
        )
    }
}

extension OAuthFailure {
    static let expired = OAuthFailure(isFinal: true, description: "the code was not entered in time")
}
