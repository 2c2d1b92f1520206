internal import AsyncHTTPClient
internal import Synchronization

/// The HTTP client of this worker, which can be exchanged for a new one: the library has no other way to let idle
/// connections go, and with them what TLS keeps for each.
///
/// Lives as long as the process and is not shut down then.
final class ProviderClient: Sendable {
    private let make: @Sendable () -> HTTPClient
    private let state: Mutex<State>

    private struct State {
        var client: HTTPClient
        var calls = 0
    }

    init(_ make: @escaping @Sendable () -> HTTPClient) {
        self.make = make
        state = Mutex(State(client: make()))
    }

    /// Lends the client to one call.
    func lend<Result: Sendable>(_ body: (HTTPClient) async throws -> Result) async throws -> Result {
        let client = state.withLock { state in
            state.calls += 1
            return state.client
        }
        defer { state.withLock { $0.calls -= 1 } }
        return try await body(client)
    }

    /// Closes all connections, unless a call is using one: then the others close by themselves when their time is over.
    func shed() async {
        let old = state.withLock { state -> HTTPClient? in
            guard state.calls == 0 else { return nil }
            defer { state.client = make() }
            return state.client
        }
        // Nobody has it any more; what fails now has no consequence.
        try? await old?.shutdown()
    }

    /// The end, for tests: a client must not be forgotten unclosed.
    func shutdown() async throws {
        try await state.withLock { $0.client }.shutdown()
    }
}
