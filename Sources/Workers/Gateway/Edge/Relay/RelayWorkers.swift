/// What relayed requests need of the rest of the gateway. On the event loop that edge and hub share.
protocol RelayWorkers: Sendable {
    /// Opens a stream to a model worker, which is started for it. `receive` is never called before this returns.
    func openStream(_ worker: String, _ receive: @escaping (GatewayStream.Event) -> Void) -> GatewayStream

    /// Why this model may not be asked today, in a sentence for people; nil: it may.
    func objection(to model: String) -> String?
}
