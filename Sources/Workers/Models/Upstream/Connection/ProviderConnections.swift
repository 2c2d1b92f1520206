package import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Runtime

/// The connections to one provider for requests that are passed through: everything on one event loop, without a task or a
/// queue between socket and socket (docs/decisions/0194).
package final class ProviderConnections: Sendable {
    package let loop: any EventLoop
    let address: ProviderAddress?
    /// The address where it is no name: asking the resolver would cost a thread and two changes to it.
    private let numeric: SocketAddress?
    private let connectTimeout: TimeAmount
    private let mostIdle: Int
    private let idleTime: TimeAmount
    private let state: NIOLoopBoundBox<State>

    private struct State {
        /// The one that rested last at the end.
        var idle: [ProviderConnection] = []
        var tls: NIOSSLContext?
    }

    /// The address has no form that can be dialled.
    struct BadAddress: Error, CustomStringConvertible {
        var description: String { "the base URL is no address of HTTP" }
    }

    /// - Parameters:
    ///   - mostIdle: connections that wait for a request.
    ///   - idleTime: how long each does: providers close theirs after a minute at the earliest.
    package init(
        baseURL: String,
        connectTimeout: Duration,
        on loop: any EventLoop,
        mostIdle: Int = 128,
        idleTime: Duration = .seconds(30)
    ) {
        self.loop = loop
        self.mostIdle = mostIdle
        self.idleTime = TimeAmount(idleTime)
        self.connectTimeout = TimeAmount(connectTimeout)
        address = ProviderAddress(baseURL)
        numeric = address.flatMap { try? SocketAddress(ipAddress: $0.host, port: $0.port) }
        state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: loop)
    }

    /// A connection that rests, or a new one.
    ///
    /// - Parameter isFresh: not one that has carried a request before.
    func take(isFresh: Bool, _ then: @escaping (Result<ProviderConnection, any Error>) -> Void) {
        if !isFresh, let connection = state.value.idle.popLast() {
            connection.expiry?.cancel()
            return then(.success(connection))
        }
        guard let address else { return then(.failure(BadAddress())) }
        let bound = NIOLoopBound(then, eventLoop: loop)
        dial(address).whenComplete { result in bound.value(result.map(\.value)) }
    }

    private func dial(_ address: ProviderAddress) -> EventLoopFuture<NIOLoopBound<ProviderConnection>> {
        let made = NIOLoopBoundBox<ProviderConnection?>(nil, eventLoop: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(connectTimeout)
            .channelOption(.autoRead, value: false)
            .channelOption(.recvAllocator, value: ReadBuffers.allocator)
            // A read more would only find that nothing has come.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if address.isTLS { try pipeline.addHandler(try self.encryption(address.host)) }
                    try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    let connection = ProviderConnection(self)
                    try pipeline.addHandler(connection)
                    made.value = connection
                }
            }
        return (numeric.map { bootstrap.connect(to: $0) } ?? bootstrap.connect(host: address.host, port: address.port))
            .flatMapThrowing { _ in
                guard let connection = made.value else { throw ChannelError.alreadyClosed }
                return NIOLoopBound(connection, eventLoop: self.loop)
            }
    }

    private func encryption(_ host: String) throws -> NIOSSLClientHandler {
        let context: NIOSSLContext
        if let known = state.value.tls {
            context = known
        } else {
            context = try NIOSSLContext(configuration: .makeClientConfiguration())
            state.value.tls = context
        }
        // RFC 6066, section 3: an address is no server name.
        return try NIOSSLClientHandler(context: context, serverHostname: numeric == nil ? host : nil)
    }

    // MARK: From the connections

    func rest(_ connection: ProviderConnection) {
        guard state.value.idle.count < mostIdle else { return connection.close() }
        let bound = NIOLoopBound(connection, eventLoop: loop)
        connection.expiry = loop.scheduleTask(in: idleTime) {
            self.lost(bound.value)
            bound.value.close()
        }
        state.value.idle.append(connection)
    }

    func lost(_ connection: ProviderConnection) {
        connection.expiry?.cancel()
        state.value.idle.removeAll { $0 === connection }
    }

    /// Closes those that rest: memory is short.
    func shed() {
        loop.execute {
            let idle = self.state.value.idle
            self.state.value.idle = []
            for connection in idle {
                connection.expiry?.cancel()
                connection.close()
            }
        }
    }
}
