internal import Failover
internal import IPCHub
internal import Logging
internal import OAuth
internal import Runtime

/// Gives out keys for attempts; subscriptions' tokens are exchanged here, one exchange per profile at a time.
actor KeyIssue {
    private let keys: ProviderKeys
    private let tokens: any TokenEndpoint
    private let records: ModelRecords
    private let log: Logger
    private let now: @Sendable () -> WallTime
    private var exchanges: [String: Task<Result<ProviderKey, CallFailure>, Never>] = [:]

    /// How long the gateway may take to keep a new credential.
    static let keepLimit = Duration.seconds(10)

    init(
        keys: ProviderKeys,
        tokens: any TokenEndpoint,
        records: ModelRecords,
        log: Logger,
        now: @escaping @Sendable () -> WallTime
    ) {
        self.keys = keys
        self.tokens = tokens
        self.records = records
        self.log = log
        self.now = now
    }

    /// The key of a profile, fit for use.
    ///
    /// - Parameter refused: a value that the provider did not take: another one is wanted.
    func key(_ profile: String, refused: String? = nil) async -> Result<ProviderKey, CallFailure> {
        if let key = keys.fixed(profile) { return .success(key) }
        guard let login = keys.login(profile) else {
            return .failure(keyFailure("no credential is stored for \(profile)"))
        }
        let moment = now().milliseconds
        let isRefused = refused.map { $0 == login.credential.access } ?? false
        if login.isKept, !isRefused, !login.credential.isDue(at: moment), !login.credential.access.isEmpty {
            return .success(Self.key(profile, login.credential))
        }
        if let exchange = exchanges[profile] { return await exchange.value }
        // Ends with the exchange; one that nobody waits for any more is kept all the same.
        let exchange = Task { await self.exchange(profile, login, isRefused: isRefused) }
        exchanges[profile] = exchange
        let result = await exchange.value
        exchanges[profile] = nil
        return result
    }

    private func exchange(
        _ profile: String,
        _ login: ProviderKeys.Login,
        isRefused: Bool
    ) async -> Result<ProviderKey, CallFailure> {
        var login = login
        if login.isKept {
            switch await refreshed(profile, login.credential) {
            case .success(let credential):
                login.credential = credential
                login.isKept = false
                keys.set(login, for: profile)
            case .failure(let failure):
                // Refreshing begins early, so that a login service may be away for a while.
                guard failure.kind != .auth, !isRefused, login.credential.isUsable(at: now().milliseconds) else {
                    return .failure(failure)
                }
                log.warning("\(profile): \(failure.cause); its token is still good")
                return .success(Self.key(profile, login.credential))
            }
        }
        // A refresh token is good once: what is used and then forgotten would lock its owner out.
        do {
            if let error = try await records.saved(within: Self.keepLimit) {
                log.error(
                    "\(profile): the new token is used although it is not kept (\(error)); a restart may need a new login"
                )
            }
        } catch {
            return .failure(
                CallFailure(
                    .transient,
                    "\(profile): the gateway has not confirmed the new token, which is not used before"
                )
            )
        }
        login.isKept = true
        keys.set(login, for: profile)
        return .success(Self.key(profile, login.credential))
    }

    private func refreshed(_ profile: String, _ old: OAuthCredential) async -> Result<OAuthCredential, CallFailure> {
        guard let service = OAuthService.of(keys.provider), !old.refresh.isEmpty else {
            return .failure(keyFailure("\(profile) cannot be renewed: \(again)"))
        }
        do {
            let answer = try await tokens.post(service.refresh(old))
            let credential = try service.credential(
                status: answer.status,
                body: answer.body,
                old: old,
                at: now().milliseconds
            )
            log.info("\(profile): its token was renewed")
            return .success(credential)
        } catch let failure as OAuthFailure {
            guard failure.isFinal else {
                return .failure(CallFailure(.transient, "\(profile) could not be renewed: \(failure.description)"))
            }
            return .failure(keyFailure("the login of \(profile) has ended (\(failure.description)): \(again)"))
        } catch {
            return .failure(
                CallFailure(.unreachable, "\(profile) could not be renewed: no connection to the login service")
            )
        }
    }

    private var again: String {
        keys.provider == "openai-codex"
            ? "log in again: clawhold models auth login --provider openai-codex"
            : "log in to \(keys.provider) again where this login was made, and store it in the default agent's auth-profiles.json,"
                + " or give a key: clawhold models auth paste-api-key --provider \(keys.provider)"
    }

    private func keyFailure(_ cause: String) -> CallFailure {
        var failure = CallFailure(.auth, cause)
        failure.scope = .key
        return failure
    }

    private static func key(_ profile: String, _ credential: OAuthCredential) -> ProviderKey {
        ProviderKey(profile: profile, kind: .bearer, value: credential.access, account: credential.account)
    }
}
