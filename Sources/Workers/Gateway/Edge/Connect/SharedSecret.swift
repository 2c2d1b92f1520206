internal import Config

/// The gateway's one secret, token or password, and what is said about attempts at it.
struct SharedSecret: Sendable {
    let mode: GatewayAuth.Mode
    private let secret: [UInt8]?

    /// `secret` nil or empty: none is configured and nobody gets in.
    init(mode: GatewayAuth.Mode, secret: String?) {
        self.mode = mode
        self.secret = secret.flatMap { $0.isEmpty ? nil : Array($0.utf8) }
    }

    /// Why an attempt failed.
    enum Refusal: Error, Sendable, Equatable {
        case notConfigured
        case missing
        case mismatch
    }

    func check(token: String?, password: String?) throws(Refusal) {
        guard let secret else { throw .notConfigured }
        let given = mode == .token ? token : password
        guard let given, !given.isEmpty else { throw .missing }
        guard Self.equal(Array(given.utf8), secret) else { throw .mismatch }
    }

    /// For HTTP, where a bearer value is tried as what the mode asks for.
    func accepts(bearer: String?) -> Bool {
        do {
            try check(token: bearer, password: bearer)
            return true
        } catch {
            return false
        }
    }

    /// Takes the same time wherever the two differ; only the length of the secret could be learned.
    static func equal(_ given: [UInt8], _ secret: [UInt8]) -> Bool {
        var difference = given.count ^ secret.count
        for (index, byte) in given.enumerated() {
            difference |= Int(byte ^ secret[index % secret.count])
        }
        return difference == 0
    }

    /// The error that clients match on (spec/gateway-protocol.md 5.2).
    func error(for refusal: Refusal, client: ClientInfo) -> RPCError {
        let word = mode == .token ? "token" : "password"
        let message: String
        let code: String
        let step: String
        switch refusal {
        case .notConfigured:
            message = "unauthorized: gateway \(word) not configured on gateway (set gateway.auth.\(word))"
            code = "AUTH_\(word.uppercased())_NOT_CONFIGURED"
            step = "update_auth_configuration"
        case .missing:
            message = "unauthorized: gateway \(word) missing (\(hint(word, client: client)))"
            code = "AUTH_\(word.uppercased())_MISSING"
            step = "update_auth_credentials"
        case .mismatch:
            message = "unauthorized: gateway \(word) mismatch (\(hint(word, client: client)))"
            code = "AUTH_\(word.uppercased())_MISMATCH"
            step = "update_auth_credentials"
        }
        return .invalid(
            message,
            details: [
                "code": .string(code), "canRetryWithDeviceToken": false, "recommendedNextStep": .string(step),
            ]
        )
    }

    private func hint(_ word: String, client: ClientInfo) -> String {
        if client.mode == .cli { return "set gateway.remote.\(word) to match gateway.auth.\(word)" }
        if client.isBrowser {
            return mode == .token
                ? "open a tokenized dashboard URL or paste token in Control UI settings"
                : "enter the password in Control UI settings"
        }
        return "provide gateway auth \(word)"
    }
}
