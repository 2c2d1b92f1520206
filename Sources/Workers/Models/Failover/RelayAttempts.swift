package import Runtime

/// The provider's wire for requests that are passed through as they are. Single attempts, as `ProviderAttempts`.
package protocol RelayAttempts: Sendable {
    /// How a request of this path is written and read by the provider; nil: it does not speak that dialect.
    func relayFormat(_ path: String) -> RelayFormat?

    /// Asks once with this key. Head and body go into `answer`, its end does not.
    ///
    /// - Parameter first: called before anything does: the commit point, from where on nobody may try again.
    func relay(
        _ call: RelayCall,
        _ format: RelayFormat,
        with key: ProviderKey,
        limit: Duration,
        into answer: RelayAnswer,
        first: @escaping @Sendable () -> Void
    ) async -> AttemptReport
}
