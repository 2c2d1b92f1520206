internal import NIOCore

/// Stands before the frame decoder and bounds what a stranger may send: the decoder alone would gather 25 MiB for anyone.
final class HelloGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Fired through the pipeline once, instead of the bytes that went too far.
    struct Exceeded: Sendable {}

    private var left: Int
    private var isExceeded = false

    init(limit: Int) {
        left = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isExceeded else { return }
        left -= unwrapInboundIn(data).readableBytes
        guard left >= 0 else {
            isExceeded = true
            context.fireUserInboundEventTriggered(Exceeded())
            return
        }
        context.fireChannelRead(data)
    }
}
