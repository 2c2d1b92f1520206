internal import IPCControl
internal import NIOCore

/// Hands the lifeline's blocks on, and says when it has ended.
final class LifelineReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let lifeline: Lifeline
    private let ended: @Sendable () -> Void
    private var decoder = BlockDecoder()

    init(lifeline: Lifeline, ended: @escaping @Sendable () -> Void) {
        self.lifeline = lifeline
        self.ended = ended
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do {
            while let block = try decoder.next() { lifeline.read(block) }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { ended() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
