package import AsyncHTTPClient
package import NIOCore
internal import Synchronization

/// The HTTP client of this worker, which can be exchanged for a new one: the library has no other way to let idle
/// connections go, and with them what TLS keeps for each.
///
/// Lives as long as the process and is not shut down then.
package final class ProviderClient: Sendable {
    private let make: @Sendable () -> HTTPClient
    private let state: Mutex<State>

    private struct State {
        var client: HTTPClient
        var calls = 0
    }

    package init(_ make: @escaping @Sendable () -> HTTPClient) {
        self.make = make
        state = Mutex(State(client: make()))
    }

    /// Plain HTTP/1.1: one connection per stream, so that one that hangs holds up no other.
    package convenience init(group: any EventLoopGroup, connectTimeout: Duration) {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.timeout = .init(connect: .init(connectTimeout), read: nil)
        configuration.connectionPool.idleTimeout = .seconds(30)
        // How many calls may run at once is decided in front of them (`ModelWorker`): who waited here would be taken for a
        // provider that does not answer.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4096
        // Whether and when to try again is decided in one place, and it is not there.
        configuration.connectionPool.retryConnectionEstablishment = false
        let settings = configuration
        self.init { HTTPClient(eventLoopGroup: group, configuration: settings) }
    }

    /// For timers.
    var loop: any EventLoop { state.withLock { $0.client.eventLoopGroup.any() } }

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
    package func shed() async {
        let old = state.withLock { state -> HTTPClient? in
            guard state.calls == 0 else { return nil }
            defer { state.client = make() }
            return state.client
        }
        // Nobody has it any more; what fails now has no consequence.
        try? await old?.shutdown()
    }

    /// The end, for tests: a client must not be forgotten unclosed.
    package func shutdown() async throws {
        try await state.withLock { $0.client }.shutdown()
    }
}
