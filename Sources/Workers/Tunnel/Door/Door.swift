internal import AsyncHTTPClient
internal import Config
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// The one way from a provider into this machine: an HTTP server on 127.0.0.1 that hands listed paths to their ports and
/// knows of nothing else. Bounded in connections, bytes and time.
final class Door: Sendable {
    static let connectionLimit = 128
    /// Bytes of bodies that are held at the same time, all connections together.
    static let heldBytes = 8 << 20

    let table: RouteTable
    let nonces = Nonces()
    let figures: DoorFigures
    let http: LocalHTTP
    /// From a connection's first byte, or the answer before, to the end of the request.
    let requestLimit: TimeAmount
    /// Without a byte of the answer: from the request's end to its head, then from piece to piece, each of them taken by who
    /// asked. Longer than Twilio and Telegram wait; a stream that goes on is as long as it likes.
    let answerLimit: TimeAmount
    private let connections = Atomic<Int>(0)
    private let held = Atomic<Int>(0)

    init(
        routes: [TunnelRoute],
        http: LocalHTTP,
        requestLimit: TimeAmount = .seconds(30),
        answerLimit: TimeAmount = .seconds(70)
    ) {
        table = RouteTable(routes: routes)
        figures = DoorFigures(count: routes.count)
        self.http = http
        self.requestLimit = requestLimit
        self.answerLimit = answerLimit
    }

    /// Listens until the channel is closed. Throws the system's error when the port cannot be had.
    func bind(port: Int, group: any EventLoopGroup) async throws -> any Channel {
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
                return channel.eventLoop.makeCompletedFuture { try DoorHandler.install(on: channel, door: self) }
            }
            .bind(host: "127.0.0.1", port: port).get()
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

    /// Milliseconds since 1970.
    static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// Hands a request on and waits for the head of its answer. Throws when nobody answers.
    func forward(_ head: HTTPRequestHead, _ body: ByteBuffer, to index: Int) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(table.routes[index].port)\(head.uri)")
        request.method = head.method
        request.headers = RouteTable.forwarded(head.headers)
        if body.readableBytes > 0 { request.body = .bytes(body) }
        return try await http.client.execute(request, timeout: answerLimit)
    }
}
