package import Failover
package import Runtime

/// The language of a provider's API: what a call looks like in it, and how its answer is read. Knows no connection, no
/// clock and no second attempt.
package protocol Dialect: Sendable {
    /// The request for a call. Throws a failure when the call cannot be said in this dialect.
    func request(_ call: ModelCall, key: ProviderKey) throws(CallFailure) -> WireRequest

    /// Reads the answer to that call.
    func reader(_ call: ModelCall) -> any AnswerReader

    /// The headers that prove us to the provider.
    func authentication(_ key: ProviderKey) -> [(name: String, value: String)]

    /// Whether requests of the pass-through endpoint in this format go to the provider as they are.
    func relays(_ format: RelayFormat) -> Bool

    /// Where they go, under the base address.
    func relayPath(_ format: RelayFormat) -> String

    /// Whether a stream tells its counts only when asked to.
    var relayAsksForUsage: Bool { get }

    func relayReader(_ format: RelayFormat, model: String) -> any AnswerReader

    /// What of the client's own headers goes with them.
    func relayHeaders(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)]
}

extension Dialect {
    /// A key as most providers want it.
    package static func bearer(_ key: ProviderKey) -> [(name: String, value: String)] {
        key.kind == .none || key.value.isEmpty ? [] : [("authorization", "Bearer \(key.value)")]
    }
}
