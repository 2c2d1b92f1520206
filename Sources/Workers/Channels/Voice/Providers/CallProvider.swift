internal import Runtime

/// What a telephone company can be asked for. Every request has a limit of 15 s; nothing is repeated here.
protocol CallProvider: Sendable {
    /// `twilio`
    var name: String { get }
    /// Whether what is said waits for a request of the provider's webhook (Twilio), or is a command (the others).
    var speaksByWebhook: Bool { get }

    /// Dials. The answer is the provider's name for the call.
    ///
    /// - Parameter webhook: the public address; nil: there is none.
    func dial(_ record: CallRecord, webhook: String?) async -> Result<String, ProviderFailure>

    /// Says something now, whatever the call is doing.
    ///
    /// - Parameters:
    ///   - webhook: the public address, for what comes back.
    ///   - command: the same for the same text said again.
    func speak(_ text: String, in record: CallRecord, webhook: String, command: String) async
        -> Result<Void, ProviderFailure>

    /// Ends a call; that it is over already is no failure.
    func hangUp(_ record: CallRecord) async -> Result<Void, ProviderFailure>

    /// How a call is; nil when the provider knows no such call.
    func look(_ providerCallId: String) async -> Result<CallEvent.Kind?, ProviderFailure>

    /// What a dialled call is called whose answer never came; nil when there is none so far.
    ///
    /// - Parameter known: names of other calls.
    func find(_ record: CallRecord, known: Set<String>) async -> Result<String?, ProviderFailure>

    /// Whether the credentials are right.
    func probe() async -> Result<Void, ProviderFailure>
}
