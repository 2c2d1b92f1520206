/// What relayed requests need of the rest of the gateway. On the event loop that edge and hub share.
protocol RelayWorkers: Sendable {
    /// Opens a stream to a model worker, which is started for it. `receive` is never called before this returns.
    ///
    /// - Parameter isFresh: on a connection of its own, not on one that has served before.
    func openStream(
        _ worker: String,
        isFresh: Bool,
        _ receive: @escaping (GatewayStream.Event) -> Void
    ) -> GatewayStream

    /// Why this model may not be asked today, in a sentence for people; nil: it may.
    func objection(to model: String) -> String?
}
