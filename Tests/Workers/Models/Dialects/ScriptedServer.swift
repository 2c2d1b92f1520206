import NIOCore
import NIOPosix
import Synchronization

/// A server on loopback that answers its connections with scripted bytes, one script after another, and remembers what
/// it was asked.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        case send(String)
        case close
        /// Says nothing more until the client goes.
        case hold
    }

    private let channel: any Channel
    private let state: Mutex<State>

    private struct State {
        var scripts: [[Step]]
        var requests: [String] = []
        var closedByClient = 0
        var connections = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private init(channel: any Channel, scripts: [[Step]]) {
        self.channel = channel
        state = Mutex(State(scripts: scripts))
    }

    static func start(_ scripts: [Step]...) async throws -> ScriptedServer {
        let reference = Reference()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connection(server: reference))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = ScriptedServer(channel: channel, scripts: scripts)
        reference.server.withLock { $0 = server }
        return server
    }

    final class Reference: Sendable {
        let server = Mutex<ScriptedServer?>(nil)
    }

    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }
    /// Connections that were made.
    var connections: Int { state.withLock { $0.connections } }
    var requests: [String] { state.withLock { $0.requests } }

    /// Returns once the client has closed a connection that the server held.
    func clientClosed() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if state.closedByClient == 0 { state.waiting.append(continuation) }
                return state.closedByClient > 0
            }
            if isClosed { continuation.resume() }
        }
    }

    func stop() async { try? await channel.close() }

    fileprivate func next(_ request: String) -> [Step] {
        state.withLock { state in
            state.requests.append(request)
            return state.scripts.isEmpty ? [.close] : state.scripts.removeFirst()
        }
    }

    fileprivate func opened() { state.withLock { $0.connections += 1 } }

    fileprivate func gone() {
        let waiting = state.withLock { state in
            state.closedByClient += 1
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Reads one request by its content-length, then plays a script.
    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let server: Reference
        private var received = ""
        private var isHolding = false

        init(server: Reference) { self.server = server }

        func channelActive(context: ChannelHandlerContext) { server.server.withLock { $0 }?.opened() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            guard let end = received.range(of: "\r\n\r\n") else { return }
            let head = received[..<end.lowerBound].lowercased()
            let length =
                head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).filter(\.isNumber)) } ?? 0
            guard received[end.upperBound...].utf8.count >= length else { return }
            let steps = server.server.withLock { $0 }?.next(received) ?? []
            received = ""
            for step in steps {
                switch step {
                case .send(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                case .close: context.close(promise: nil)
                case .hold: isHolding = true
                }
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            if isHolding { server.server.withLock { $0 }?.gone() }
        }
    }
}

extension String {
    fileprivate func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
