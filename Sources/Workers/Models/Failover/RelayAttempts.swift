package import IPCHub
package import Runtime

/// What goes back to who relayed a request.
package enum RelayPart: Sendable {
    /// Of the provider's own answer; from here on nobody may try again.
    case head(status: UInt32, headers: [HubRelayHeader])
    case body([UInt8])
}

/// The provider's wire for requests that are passed through as they are. Single attempts, as `ProviderAttempts`.
package protocol RelayAttempts: Sendable {
    /// How a request of this path is written and read by the provider; nil: it does not speak that dialect.
    func relayFormat(_ path: String) -> RelayFormat?

    /// Asks once with this key. The first part is the commit point.
    func relay(
        _ call: RelayCall,
        _ format: RelayFormat,
        with key: ProviderKey,
        limit: Duration,
        receive: @escaping @Sendable (RelayPart) async throws -> Void
    ) async -> AttemptReport
}
