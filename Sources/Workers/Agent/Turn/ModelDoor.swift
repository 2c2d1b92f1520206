internal import IPCHub
internal import Runtime

/// How a turn reaches its model.
protocol ModelDoor: Sendable {
    /// Makes one call and gives its events to `receive` until that returns false or the stream ends; a stream that ends
    /// without `finished` or `failed` broke. Cancelling the task ends the call.
    func call(
        _ target: String,
        _ call: PromptCall,
        receive: @escaping @Sendable (HubModelEvent) async -> Bool
    ) async throws
}

/// The model worker at the other end of a stream through the hub.
struct HubModelDoor: ModelDoor {
    let worker: Worker

    func call(
        _ target: String,
        _ call: PromptCall,
        receive: @escaping @Sendable (HubModelEvent) async -> Bool
    ) async throws {
        try await HubStream.open(worker, target: target) { stream, messages in
            try await call.frames { try await stream.send($0) }
            while let message = try await messages.next(isolation: #isolation) {
                guard case .modelEvent(let event) = message else { throw HubLinkError.unexpected(message.type) }
                guard await receive(event) else { return }
            }
        }
    }
}

/// Whether the control link to the gateway stands, and since when.
protocol LinkWatch: Sendable {
    /// How often the gateway has said WELCOME.
    var welcomes: Int { get }
    /// Returns true once the link is found to be down, or has been renewed since `welcomes`; false after `limit`.
    func isLost(since welcomes: Int, within limit: Duration) async -> Bool
    /// Returns when the link stands; throws when the task is cancelled.
    func stands() async throws
}
