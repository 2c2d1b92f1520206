/// Carries a login with a code through: asks for the code, has it shown, polls until the person has entered it.
package struct DeviceLoginRun: Sendable {
    private let login: DeviceLogin
    private let endpoint: any TokenEndpoint
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    private let sleep: @Sendable (Duration) async throws -> Void

    /// The service may be out of reach for so many polls in a row.
    static let patience = 10

    package init(
        _ login: DeviceLogin,
        endpoint: any TokenEndpoint,
        now: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.login = login
        self.endpoint = endpoint
        self.now = now
        self.sleep = sleep
    }

    /// The new credential. Throws `OAuthFailure`, or what `sleep` throws.
    package func credential(show: @Sendable (DeviceLogin.Code) -> Void) async throws -> OAuthCredential {
        let first = try await answer(login.start())
        let code = try login.code(status: first.status, body: first.body)
        show(code)
        let granted = try await granted(code)
        let last = try await answer(login.exchange(code: granted.code, verifier: granted.verifier))
        return try login.credential(status: last.status, body: last.body, at: now())
    }

    private func granted(_ code: DeviceLogin.Code) async throws -> (code: String, verifier: String) {
        let end = now() + code.lifetime.components.seconds * 1000
        var interval = code.interval
        var misses = 0
        while true {
            try await sleep(interval)
            guard now() < end else { throw OAuthFailure.expired }
            do {
                let answer = try await answer(login.poll(code))
                switch try login.poll(status: answer.status, body: answer.body) {
                case .pending: break
                case .slower: interval += DeviceLogin.slowing
                case .granted(let code, let verifier): return (code, verifier)
                }
                misses = 0
            } catch let failure as OAuthFailure {
                // A person is typing meanwhile: one bad moment of the network is no reason to begin anew.
                misses += 1
                guard !failure.isFinal, misses < Self.patience else { throw failure }
            }
        }
    }

    private func answer(_ request: OAuthRequest) async throws -> (status: Int, body: [UInt8]) {
        do {
            return try await endpoint.post(request)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw OAuthFailure(isFinal: false, description: "no answer from \(login.issuer)")
        }
    }
}
