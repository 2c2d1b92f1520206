internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// The webhook's own HTTP server: bounded in connections, bytes and time. What stands in front of it speaks TLS.
final class WebhookListener: Sendable {
    /// Takes the body of an update and says how to answer: only 200 tells Telegram that it arrived for good.
    typealias Receive = @Sendable ([UInt8]) async -> HTTPResponseStatus

    /// Telegram opens 40 connections unless it is told otherwise.
    static let connectionLimit = 64
    /// Bytes of bodies that are held at the same time, all connections together.
    static let heldBytes = 16 << 20
    /// From a connection's first byte, or the answer before, to the end of the request.
    let requestLimit: TimeAmount
    /// From the request's end to the answer; Telegram itself waits a minute.
    let answerLimit: TimeAmount

    private let request: WebhookRequest
    private let receive: Receive
    private let connections = Atomic<Int>(0)
    private let held = Atomic<Int>(0)

    init(
        request: WebhookRequest,
        requestLimit: TimeAmount = .seconds(60),
        answerLimit: TimeAmount = .seconds(50),
        receive: @escaping Receive
    ) {
        self.request = request
        self.requestLimit = requestLimit
        self.answerLimit = answerLimit
        self.receive = receive
    }

    /// Listens until the channel is closed. Throws the system's error when the port cannot be had.
    func bind(host: String, port: Int, group: any EventLoopGroup) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                guard self.connections.wrappingAdd(1, ordering: .relaxed).newValue <= Self.connectionLimit else {
                    self.connections.wrappingSubtract(1, ordering: .relaxed)
                    return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                channel.closeFuture.whenComplete { _ in self.connections.wrappingSubtract(1, ordering: .relaxed) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        WebhookHandler(listener: self, request: self.request, receive: self.receive)
                    )
                }
            }
            .bind(host: host, port: port).get()
    }

    /// Whether so many more bytes may be held.
    func hold(_ bytes: Int) -> Bool {
        guard held.wrappingAdd(bytes, ordering: .relaxed).newValue <= Self.heldBytes else {
            held.wrappingSubtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    func release(_ bytes: Int) { held.wrappingSubtract(bytes, ordering: .relaxed) }
}
