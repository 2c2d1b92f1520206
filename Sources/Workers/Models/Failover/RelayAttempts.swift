package import Runtime

/// The provider's wire for requests that are passed through as they are. Single attempts, as `ProviderAttempts`.
package protocol RelayAttempts: Sendable {
    /// How a request of this path is written and read by the provider; nil: it does not speak that dialect.
    func relayFormat(_ path: String) -> RelayFormat?

    /// Asks once with this key. Head and body go into `answer`, its end does not.
    ///
    /// Returns how it ended before an answer began, or nil as soon as one has: who waited on would keep a task, which is more
    /// than all else that an open stream holds.
    ///
    /// - Parameters:
    ///   - first: called before anything of an answer goes on: the commit point, from where on nobody may try again.
    ///   - ended: called with how an answer ended that has begun.
    func relay(
        _ call: RelayCall,
        _ format: RelayFormat,
        with key: ProviderKey,
        limit: Duration,
        into answer: RelayAnswer,
        first: @escaping @Sendable () -> Void,
        ended: @escaping @Sendable (AttemptReport) -> Void
    ) async -> AttemptReport?
}
