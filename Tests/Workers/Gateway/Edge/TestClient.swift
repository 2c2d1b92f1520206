internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOWebSocket
internal import Synchronization

@testable internal import Gateway

/// A WebSocket client over a real socket. What it waits for has a deadline.
final class TestClient: Sendable {
    /// Something the server sent.
    enum Arrival: Sendable, Equatable {
        case frame(WireValue)
        case pong([UInt8])
        case closed(UInt16?, String)
        /// The socket ended without a close frame.
        case ended
    }

    struct TimedOut: Error {
        var seen: [Arrival]
    }

    private struct State {
        var arrivals: [Arrival] = []
        var waiting: CheckedContinuation<Void, Never>?
        var requests = 0
    }

    private let channel: any Channel
    private let state = Mutex(State())

    private init(channel: any Channel) {
        self.channel = channel
    }

    static func connect(
        port: Int = 0,
        unixPath: String? = nil,
        group: MultiThreadedEventLoopGroup,
        headers: [(String, String)] = []
    ) async throws -> TestClient {
        var all = HTTPHeaders([("Host", "127.0.0.1:\(port)")])
        for (name, value) in headers { all.replaceOrAdd(name: name, value: value) }
        let requestHeaders = all
        let bootstrap = ClientBootstrap(group: group)
        let setUp: @Sendable (any Channel) -> EventLoopFuture<EventLoopFuture<TestClient>> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let upgrader = NIOTypedWebSocketClientUpgrader<TestClient>(
                    maxFrameSize: 1 << 26,
                    upgradePipelineHandler: { channel, _ in
                        channel.eventLoop.makeCompletedFuture {
                            let client = TestClient(channel: channel)
                            try channel.pipeline.syncOperations.addHandler(Reader(client))
                            return client
                        }
                    }
                )
                var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
                head.headers = requestHeaders
                var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
                    upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                        upgradeRequestHead: head,
                        upgraders: [upgrader],
                        notUpgradingCompletionHandler: { channel in
                            channel.eventLoop.makeFailedFuture(TimedOut(seen: []))
                        }
                    )
                )
                // The challenge may come in the packet of the 101.
                configuration.leftOverBytesStrategy = .forwardBytes
                return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                    configuration: configuration
                )
            }
        }
        let upgrade =
            if let unixPath {
                try await bootstrap.connect(unixDomainSocketPath: unixPath, channelInitializer: setUp)
            } else {
                try await bootstrap.connect(host: "127.0.0.1", port: port, channelInitializer: setUp)
            }
        return try await upgrade.get()
    }

    // MARK: Receiving

    fileprivate func arrived(_ arrival: Arrival) {
        let waiting = state.withLock { state in
            state.arrivals.append(arrival)
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// The first arrival that `match` takes; it and nothing else is removed.
    func next(within: Duration = .seconds(10), where match: (Arrival) -> Bool) async throws -> Arrival {
        let deadline = ContinuousClock.now + within
        while true {
            let found = state.withLock { state in
                state.arrivals.firstIndex(where: match).map { state.arrivals.remove(at: $0) }
            }
            if let found { return found }
            guard ContinuousClock.now < deadline else { throw TimedOut(seen: state.withLock { $0.arrivals }) }
            let alarm = channel.eventLoop.scheduleTask(in: .milliseconds(200)) { self.wake() }
            let count = state.withLock { $0.arrivals.count }
            await withCheckedContinuation { continuation in
                let already = state.withLock { state in
                    guard state.arrivals.count == count else { return true }
                    state.waiting = continuation
                    return false
                }
                if already { continuation.resume() }
            }
            alarm.cancel()
        }
    }

    private func wake() {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// What came and was not asked for yet.
    var arrivals: [Arrival] { state.withLock { $0.arrivals } }

    func event(_ name: String, where match: (WireValue) -> Bool = { _ in true }) async throws -> WireValue {
        let arrival = try await next { arrival in
            guard case .frame(let frame) = arrival else { return false }
            return frame["event"]?.text == name && match(frame)
        }
        guard case .frame(let frame) = arrival else { return .null }
        return frame
    }

    func answer(_ id: String) async throws -> WireValue {
        let arrival = try await next { arrival in
            guard case .frame(let frame) = arrival else { return false }
            return frame["type"] == "res" && frame["id"]?.text == id
        }
        guard case .frame(let frame) = arrival else { return .null }
        return frame
    }

    /// Code and reason of the server's close frame.
    func closed() async throws -> (code: UInt16?, reason: String) {
        let arrival = try await next { arrival in
            switch arrival {
            case .closed, .ended: true
            case .frame, .pong: false
            }
        }
        guard case .closed(let code, let reason) = arrival else { return (nil, "ended") }
        return (code, reason)
    }

    // MARK: Sending

    func send(_ text: String) async throws { try await send(.text, Array(text.utf8)) }

    func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true, masked: Bool = true) async throws {
        let frame = WebSocketFrame(
            fin: fin,
            opcode: opcode,
            maskKey: masked ? WebSocketMaskingKey([1, 2, 3, 4]) : nil,
            data: ByteBuffer(bytes: bytes)
        )
        try await channel.writeAndFlush(frame)
    }

    func send(_ value: WireValue) async throws { try await send(.text, value.encoded()) }

    /// Sends a request and waits for its answer.
    func ask(_ method: String, _ params: WireValue? = nil) async throws -> WireValue {
        let id = state.withLock { state in
            state.requests += 1
            return "t\(state.requests)"
        }
        try await send(["type": "req", "id": .string(id), "method": .string(method), "params": params])
        return try await answer(id)
    }

    static func connectParams(
        id: String = "test",
        mode: String = "test",
        scopes: [WireValue] = [],
        caps: [WireValue] = [],
        protocols: (Int64, Int64) = (3, 3),
        auth: WireValue? = ["token": .string(EdgeBench.token)]
    ) -> WireValue {
        [
            "minProtocol": .integer(protocols.0), "maxProtocol": .integer(protocols.1),
            "client": ["id": .string(id), "mode": .string(mode), "version": "1.0.0", "platform": "linux"],
            "role": "operator", "scopes": .array(scopes), "caps": .array(caps), "commands": [],
            "permissions": .object([]),
            "locale": "en", "userAgent": "test", "auth": auth,
        ]
    }

    func hello(
        id: String = "test",
        mode: String = "test",
        scopes: [WireValue] = [],
        caps: [WireValue] = []
    ) async throws -> WireValue {
        _ = try await event("connect.challenge")
        return try await ask("connect", Self.connectParams(id: id, mode: mode, scopes: scopes, caps: caps))
    }

    func pauseReading(_ pause: Bool) async throws {
        try await channel.setOption(.autoRead, value: !pause).get()
    }

    func close() async throws { try await channel.close() }

    // MARK: Reader

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        private let client: TestClient
        private var fragments: [UInt8] = []

        init(_ client: TestClient) { self.client = client }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            var body = frame.unmaskedData
            switch frame.opcode {
            case .text:
                do {
                    client.arrived(.frame(try WireParser.parse(Array(body.readableBytesView))))
                } catch {
                    client.arrived(.ended)
                }
            case .pong: client.arrived(.pong(Array(body.readableBytesView)))
            case .connectionClose:
                let code = body.readInteger(as: UInt16.self)
                client.arrived(.closed(code, body.readString(length: body.readableBytes) ?? ""))
                context.close(promise: nil)
            default: break
            }
        }

        func channelInactive(context: ChannelHandlerContext) { client.arrived(.ended) }
    }
}
