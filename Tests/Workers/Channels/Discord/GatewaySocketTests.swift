import NIOCore
import NIOPosix
import NIOWebSocket
import Testing

@testable import Discord

@Suite("The WebSocket to the gateway", .timeLimit(.minutes(1)))
struct GatewaySocketTests {
    @Test("HELLO that comes in one piece with the answer to the upgrade is heard")
    func helloWithTheUpgrade() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hello = "{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}"
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(OnePiece(text: hello))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(GatewaySocket.Address("ws://127.0.0.1:\(server.localAddress?.port ?? 0)/resume"))
        let socket = try await GatewaySocket.open(address, on: group.next())
        let heard = try await socket.connection.executeThenClose { inbound, _ -> [UInt8] in
            var reader = try MessageReader()
            for try await frame in inbound {
                if case .message(let bytes) = reader.take(frame) { return bytes }
            }
            return []
        }
        #expect(String(decoding: heard, as: UTF8.self) == hello)
        try await server.close()
    }

    @Test("frames: fragments are put together, pings handed up, an end without a beginning refused")
    func frames() throws {
        var reader = try MessageReader()
        func frame(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) -> WebSocketFrame {
            WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(string: text))
        }
        guard case .none = reader.take(frame(.text, "{\"a", fin: false)),
            case .ping = reader.take(frame(.ping, "x")),
            case .message(let bytes) = reader.take(frame(.continuation, "\":1}"))
        else {
            Issue.record("not put together")
            return
        }
        #expect(String(decoding: bytes, as: UTF8.self) == "{\"a\":1}")
        guard case .broken = reader.take(frame(.continuation, "x")) else {
            Issue.record("taken")
            return
        }
        var close = ByteBuffer()
        close.writeInteger(UInt16(4014))
        close.writeString("Disallowed\nintent(s).")
        guard
            case .closed(4014?, let reason) = reader.take(
                WebSocketFrame(fin: true, opcode: .connectionClose, data: close)
            )
        else {
            Issue.record("no code")
            return
        }
        #expect(reason == "Disallowedintent(s).")
    }
}

/// Answers the upgrade and sends a text, both with one write.
private final class OnePiece: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let text: String
    private var request = ""

    init(text: String) { self.text = text }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        request += String(buffer: unwrapInboundIn(data))
        guard request.contains("\r\n\r\n") else { return }
        let line = request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("sec-websocket-key:") } ?? ""
        let key = String(line.dropFirst("sec-websocket-key:".count)).filter { !$0.isWhitespace }
        var answer = ByteBuffer(
            string: "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                + "sec-websocket-accept: \(SocketKey.accept(key))\r\n\r\n"
        )
        answer.writeBytes([0x81, UInt8(text.utf8.count)])
        answer.writeString(text)
        context.writeAndFlush(NIOAny(answer), promise: nil)
        request = ""
    }
}
