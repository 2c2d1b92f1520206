import AsyncHTTPClient
import Config
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Tunnel

/// The door with a target behind it that is a door of its own: it knows `/target` alone and proves its own nonces.
@Suite("The tunnel's door, with sockets", .timeLimit(.minutes(1)))
struct DoorTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    private func withDoor(
        requestLimit: TimeAmount = .seconds(30),
        _ body: (Door, Int, _ target: Door) async throws -> Void
    ) async throws {
        let http = LocalHTTP(group: group)
        let target = Door(routes: [TunnelRoute(path: "/target", port: 1)], http: http)
        let behind = try await target.bind(port: 0, group: group)
        let door = Door(
            routes: [
                TunnelRoute(path: "/target", port: behind.localAddress?.port ?? 0),
                TunnelRoute(path: "/nobody", port: 1),
            ],
            http: http,
            requestLimit: requestLimit
        )
        let front = try await door.bind(port: 0, group: group)
        do {
            try await body(door, front.localAddress?.port ?? 0, target)
        } catch {
            try? await front.close()
            try? await behind.close()
            await http.shutdown()
            throw error
        }
        try await front.close()
        try await behind.close()
        await http.shutdown()
    }

    private func ask(_ door: Door, _ url: String, body: Int = 0) async throws -> (status: UInt, text: String) {
        var request = HTTPClientRequest(url: url)
        if body > 0 {
            request.method = .POST
            request.body = .bytes(ByteBuffer(repeating: 65, count: body))
        }
        let answer = try await door.http.client.execute(request, timeout: .seconds(20))
        return (answer.status.code, String(buffer: try await answer.body.collect(upTo: 1 << 20)))
    }

    @Test("hands a request on with its query and brings the answer back; what is not listed does not exist")
    func forwards() async throws {
        try await withDoor { door, port, target in
            let (nonce, answer) = try #require(target.nonces.make())
            let found = try await ask(door, "http://127.0.0.1:\(port)/target?clawhold-probe=\(nonce)")
            #expect(found.status == 200 && found.text == answer, "answered by the target, whose nonce it is")
            let unlisted = try await ask(door, "http://127.0.0.1:\(port)/other")
            #expect(unlisted.status == 404)
            let unanswered = try await ask(door, "http://127.0.0.1:\(port)/nobody")
            #expect(unanswered.status == 502)
            #expect(door.figures.routes.map(\.requests) == [1, 1] && door.figures.routes[1].unanswered == 1)
            #expect(door.figures.refusals == 1)
        }
    }

    @Test("is proven by its own nonce on every listed path, and by nothing that another answers")
    func proof() async throws {
        try await withDoor { door, port, target in
            let probe = EdgeProbe(door: door)
            #expect(await probe.failure(of: "http://127.0.0.1:\(port)") == nil)
            #expect(door.figures.routes.map(\.requests) == [0, 0], "a probe is nobody's request")
            #expect(await EdgeProbe(door: target).failure(of: "http://127.0.0.1:\(port)") == nil, "it leads there")
            let stranger = Door(routes: [TunnelRoute(path: "/nobody", port: 1)], http: door.http)
            #expect(await EdgeProbe(door: stranger).failure(of: "http://127.0.0.1:\(port)")?.contains("502") == true)
            #expect(await probe.failure(of: "http://127.0.0.1:1") != nil)
        }
    }

    @Test("takes bodies up to its bound and no byte more")
    func bodies() async throws {
        try await withDoor { door, port, _ in
            // The target forwards to a port where nobody listens: 502 means that the body went through both.
            let url = "http://127.0.0.1:\(port)/target"
            let fitting = try await ask(door, url, body: RouteTable.bodyBytes)
            #expect(fitting.status == 502)
            let tooLong = try await ask(door, url, body: RouteTable.bodyBytes + 1)
            #expect(tooLong.status == 413)
            #expect(door.hold(Door.heldBytes), "everything was let go again")
            door.release(Door.heldBytes)
        }
    }

    @Test("closes on who says nothing in time")
    func slow() async throws {
        try await withDoor(requestLimit: .milliseconds(50)) { _, port, _ in
            let socket = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
            try await socket.closeFuture.get()
        }
    }

    @Test("lets a stream go on for longer than a silence may last, and cuts off one that falls silent")
    func stream() async throws {
        let silence = TimeAmount.seconds(3)
        let behind = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Dripping(pieces: 8, every: .milliseconds(500)))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let http = LocalHTTP(group: group)
        let route = TunnelRoute(path: "/stream", port: behind.localAddress?.port ?? 0)
        let front = try await Door(routes: [route], http: http, answerLimit: silence).bind(port: 0, group: group)
        let began = ContinuousClock.now
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(front.localAddress?.port ?? 0)/stream")
        var got = ""
        await #expect(throws: (any Error).self, "it has no end: the door gives it up") {
            let answer = try await http.client.execute(request, timeout: .seconds(40))
            for try await piece in answer.body { got += String(buffer: piece) }
        }
        #expect(got == String(repeating: "x", count: 8))
        #expect(began.duration(to: .now) > .seconds(6), "the stream took longer than a silence may last, then came one")
        try await front.close()
        try await behind.close()
        await http.shutdown()
    }

    // MARK: WebSockets

    /// What a caller of a WebSocket got, and what the target saw of it.
    private func callSocket(answer: String, early: String = "", then: String = "") async throws -> (
        got: String, seen: String
    ) {
        let seen = Shared("")
        let target = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SocketTarget(answer: answer, seen: seen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let http = LocalHTTP(group: group)
        let tree = TunnelRoute(path: "/", port: target.localAddress?.port ?? 0, isTree: true)
        let front = try await Door(routes: [tree], http: http).bind(port: 0, group: group)
        let client = try await ClientBootstrap(group: group)
            .connect(host: "127.0.0.1", port: front.localAddress?.port ?? 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let got = try await client.executeThenClose { inbound, outbound in
            let head = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            try await outbound.write(ByteBuffer(string: head + early))
            var got = ""
            for try await bytes in inbound {
                got += String(buffer: bytes)
                if got == answer, !then.isEmpty { try await outbound.write(ByteBuffer(string: then)) }
                if got == answer + then, !then.isEmpty { break }
            }
            return got
        }
        try await front.close()
        try await target.close()
        await http.shutdown()
        return (got, seen.withLock { $0 })
    }

    @Test("gives a connection over once the target agrees to a WebSocket, and bytes go both ways")
    func socket() async throws {
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        let (got, seen) = try await callSocket(answer: agreed, then: "a frame")
        #expect(got == agreed + "a frame")
        #expect(seen.hasPrefix("GET /ws HTTP/1.1\r\n") && seen.hasSuffix("\r\n\r\na frame"))
        #expect(seen.contains("x-forwarded-for: unknown\r\n"))
    }

    @Test("ends a connection whose WebSocket is refused, and hands nothing on that comes behind the request")
    func refusedSocket() async throws {
        let refused = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
        let (got, seen) = try await callSocket(answer: refused)
        #expect(got == refused && seen.hasPrefix("GET /ws"))
        let second = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
        for answer in [refused, "HTTP/1.1 101 Switching Protocols\r\n\r\n"] {
            let seen = try await callSocket(answer: answer, early: second).seen
            #expect(!seen.contains("/second"), "it would pass for one of this machine's own")
        }
    }
}

/// Answers with a stream that comes a byte at a time, and in the end says nothing more.
private final class Dripping: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var pieces: Int
    private let every: TimeAmount

    init(pieces: Int, every: TimeAmount) {
        (self.pieces, self.every) = (pieces, every)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok))), promise: nil)
        drip(context)
    }

    private func drip(_ context: ChannelHandlerContext) {
        guard pieces > 0, context.channel.isActive else { return }
        pieces -= 1
        let byte = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: "x")))
        context.writeAndFlush(wrapOutboundOut(byte), promise: nil)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: every) { bound.value.0.drip(bound.value.1) }
    }
}

/// Answers the first that comes, gives back what follows.
private final class SocketTarget: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String
    private let seen: Shared<String>
    private var hasAnswered = false

    init(answer: String, seen: Shared<String>) {
        (self.answer, self.seen) = (answer, seen)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        seen.withLock { $0 += String(buffer: bytes) }
        context.writeAndFlush(wrapOutboundOut(hasAnswered ? bytes : ByteBuffer(string: answer)), promise: nil)
        hasAnswered = true
    }
}
