internal import Runtime

/// A login without a browser on this machine: a code is shown, a person types it on another device. OpenAI's own protocol
/// (openai/codex, codex-rs/login/src/device_code_auth.rs, read 2026-11). Pure: its driver makes the requests.
package enum DeviceLogin {
    private static let issuer = "https://auth.openai.com"

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
        case granted(code: String, verifier: String)
    }

    package static func start() -> OAuthRequest {
        json("/api/accounts/deviceauth/usercode", [("client_id", OAuthService.openAI.clientID)])
    }

    package static func code(status: Int, body: [UInt8]) throws(OAuthFailure) -> Code {
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

    package static func poll(_ code: Code) -> OAuthRequest {
        json("/api/accounts/deviceauth/token", [("device_auth_id", code.deviceID), ("user_code", code.userCode)])
    }

    /// 403 and 404 stand for "not yet".
    package static func poll(status: Int, body: [UInt8]) throws(OAuthFailure) -> Poll {
        if status == 403 || status == 404 { return .pending }
        let answer = body.count <= OAuthCredential.sizeLimit ? try? JSON(parsing: body) : nil
        guard status == 200, let code = answer?["authorization_code"]?.string, !code.isEmpty,
            let verifier = answer?["code_verifier"]?.string
        else { throw OAuthService.failure(status: status, answer) }
        return .granted(code: code, verifier: verifier)
    }

    /// The last step; `OAuthService.openAI.credential` reads its answer.
    package static func exchange(code: String, verifier: String) -> OAuthRequest {
        OAuthService.openAI.token([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", issuer + "/deviceauth/callback"),
            ("client_id", OAuthService.openAI.clientID), ("code_verifier", verifier),
        ])
    }

    private static func json(_ path: String, _ fields: [(String, String)]) -> OAuthRequest {
        let object = JSONObject(members: fields.map { .init(key: $0.0, value: .string($0.1)) })
        return OAuthRequest(
            url: issuer + path,
            contentType: "application/json",
            body: JSON.object(object).encoded()
        )
    }
}
