internal import Config
internal import Failover
internal import FoundationEssentials
internal import IPCControl
internal import IPCHub
internal import OAuth
internal import Runtime
internal import Synchronization

/// The credentials of this worker's provider. Everything in it is secret.
final class ProviderKeys: Sendable {
    let provider: String
    let profiles: [ProviderConfig.Profile]
    private let state: Mutex<State>

    private struct State {
        /// Values that do not change, by profile.
        var fixed: [String: ProviderKey] = [:]
        var logins: [String: Login] = [:]
    }

    /// A subscription's credential.
    struct Login: Equatable {
        var credential: OAuthCredential
        /// Of the SECRET that it descends from; empty: it has none.
        var base: String
        /// The gateway has it.
        var isKept = true
    }

    static let loginLimit = 16

    init(config: ProviderConfig, secrets: [String: String]) {
        provider = config.provider
        var state = State()
        var known: [ProviderConfig.Profile] = []
        for profile in config.profiles where known.count < 64 && !known.contains(where: { $0.id == profile.id }) {
            let secret = secrets[profile.secret] ?? ""
            switch profile.mode {
            case .apiKey, .token:
                guard !secret.isEmpty else { continue }
                state.fixed[profile.id] = ProviderKey(
                    profile: profile.id,
                    kind: profile.mode == .token ? .bearer : .apiKey,
                    value: secret
                )
            case .none: state.fixed[profile.id] = ProviderKey(profile: profile.id, kind: .none, value: "")
            case .oauth:
                if let credential = OAuthCredential(stored: secret.utf8) {
                    state.logins[profile.id] = Login(credential: credential, base: Self.fingerprint(secret))
                }
            }
            known.append(profile)
        }
        profiles = known
        self.state = Mutex(state)
    }

    /// What the failover rules know of each key.
    var ranked: [FailoverState.Profile] {
        let state = state.withLock { $0 }
        return profiles.map { profile in
            let rank =
                switch profile.mode {
                case .oauth: 0
                case .token: 1
                case .apiKey, .none: 2
                }
            let fingerprint =
                state.logins[profile.id]?.base ?? Self.fingerprint(state.fixed[profile.id]?.value ?? "")
            return FailoverState.Profile(id: profile.id, rank: rank, fingerprint: fingerprint)
        }
    }

    func fixed(_ profile: String) -> ProviderKey? { state.withLock { $0.fixed[profile] } }

    func login(_ profile: String) -> Login? { state.withLock { $0.logins[profile] } }

    func set(_ login: Login, for profile: String) { state.withLock { $0.logins[profile] = login } }

    /// All logins, as the gateway keeps them.
    var kept: [HubModelCredential] {
        state.withLock { $0.logins }.sorted { $0.key < $1.key }.prefix(Self.loginLimit).map { profile, login in
            var kept = HubModelCredential()
            kept.profile = profile
            var credential = login.credential
            credential.other[Self.baseMember] = login.base.isEmpty ? nil : .string(login.base)
            kept.value = Data(credential.stored())
            return kept
        }
    }

    /// Takes up logins that the gateway kept. One that descends from another SECRET than today's is out of date: somebody
    /// logged in anew. Returns the profiles whose credential is another now.
    func restore(_ kept: [HubModelCredential]) -> [String] {
        var changed: [String] = []
        for entry in kept.prefix(Self.loginLimit) {
            guard profiles.contains(where: { $0.id == entry.profile && $0.mode == .oauth }),
                let credential = OAuthCredential(stored: entry.value)
            else { continue }
            let base = credential.other[Self.baseMember]?.string ?? ""
            let isTaken = state.withLock { state in
                let own = state.logins[entry.profile]
                if let own, own.credential.access == credential.access { return false }
                if let own, !base.isEmpty, !own.base.isEmpty, base != own.base { return false }
                // What was refreshed here since is younger.
                if let own, own.credential.expires >= credential.expires, !own.credential.access.isEmpty {
                    return false
                }
                state.logins[entry.profile] = Login(credential: credential, base: own?.base ?? base)
                return own != nil
            }
            if isTaken { changed.append(entry.profile) }
        }
        return changed
    }

    private static let baseMember = "clawholdBase"

    /// Tells whether two secrets are the same and nothing else about them.
    static func fingerprint(_ secret: String) -> String {
        secret.isEmpty ? "" : Hex.encode(SHA256.hash(Array("clawhold profile \(secret)".utf8)).prefix(8))
    }
}
