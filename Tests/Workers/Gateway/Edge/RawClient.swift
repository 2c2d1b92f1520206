import NIOCore
import NIOPosix
import Synchronization
import TestSupport

@testable import Gateway

/// HTTP spoken by hand over one connection that stays.
final class RawClient: Sendable {
    private final class Inbox: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex((text: "", hasEnded: false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let part = String(buffer: unwrapInboundIn(data))
            state.withLock { $0.text += part }
        }

        func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.hasEnded = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let inbox: Inbox

    private init(channel: any Channel, inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    static func connect(_ bench: EdgeBench) async throws -> RawClient {
        let inbox = Inbox()
        let channel = try await ClientBootstrap(group: bench.group)
            .channelInitializer { $0.pipeline.addHandler(inbox) }
            .connect(host: "127.0.0.1", port: bench.port).get()
        return RawClient(channel: channel, inbox: inbox)
    }

    func say(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    /// What came, up to and with `end`.
    @discardableResult
    func read(_ end: String) async throws -> String {
        try await eventually { self.inbox.state.withLock { $0.text.contains(end) } }
        return inbox.state.withLock { state in
            guard let range = state.text.firstRange(of: end) else { return "" }
            defer { state.text.removeSubrange(..<range.upperBound) }
            return String(state.text[..<range.upperBound])
        }
    }

    /// What comes until the server closes.
    func rest() async throws -> String {
        try await eventually { self.inbox.state.withLock { $0.hasEnded } }
        return inbox.state.withLock { $0.text }
    }

    func close() async { try? await channel.close() }
}
