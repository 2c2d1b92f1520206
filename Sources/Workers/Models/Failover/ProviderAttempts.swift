package import IPCHub
package import Runtime

/// A provider's wire: makes single attempts and never a second one by itself. Retrying, other keys and other models are
/// the failover rules' alone (one layer retries).
package protocol ProviderAttempts: Sendable {
    /// Asks once with this key.
    ///
    /// - Parameters:
    ///   - limit: The attempt's whole time; the worker's own figures hold for its phases.
    ///   - receive: Given the answer's events in order, without Finished and Failed; waits while the agent does not read;
    ///     throws when who asked is gone. The first event is the commit point.
    func attempt(
        _ call: ModelCall,
        with key: ProviderKey,
        limit: Duration,
        receive: @escaping @Sendable (HubModelEvent) async throws -> Void
    ) async -> AttemptReport

    /// Drops what it can have again (idle connections): memory is short.
    func shed() async
}
