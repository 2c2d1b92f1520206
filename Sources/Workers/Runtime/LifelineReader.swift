internal import Glibc
internal import IPCControl
internal import NIOCore

/// Hands the lifeline's blocks on. Without a supervisor a worker has no purpose: it ends with the lifeline.
final class LifelineReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let lifeline: Lifeline
    private var decoder = BlockDecoder()

    init(lifeline: Lifeline) { self.lifeline = lifeline }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do {
            while let block = try decoder.next() { lifeline.read(block) }
        } catch {
            exit(70)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { exit(0) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { exit(70) }
}
