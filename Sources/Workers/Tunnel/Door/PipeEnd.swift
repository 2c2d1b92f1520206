internal import NIOCore

/// One end of a connection that becomes a WebSocket: what it reads the other end writes, no faster than that is taken.
///
/// The target has to agree first, with 101. Until then nothing more is taken of whoever called, and nothing after a refusal:
/// a request that came behind the first would reach the target unjudged. Both ends live on one event loop.
final class PipeEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let agreement = Array("HTTP/1.1 101".utf8)
    /// For the target's answer.
    private static let patience = TimeAmount.seconds(10)

    private var peer: PipeEnd?
    private var context: ChannelHandlerContext?
    private var isReadHeld = false
    /// The target's end: what it has answered while that is too short to tell whether it agrees; nil: it has agreed.
    private var answer: ByteBuffer?

    /// When the target has to have agreed.
    private var deadline: Scheduled<Void>?

    private init() {}

    /// - Returns: the caller's end and the target's.
    static func pair() -> (near: PipeEnd, far: PipeEnd) {
        let (near, far) = (PipeEnd(), PipeEnd())
        (near.peer, far.peer) = (far, near)
        far.answer = ByteBuffer()
        return (near, far)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard answer != nil else { return }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self] in
            self?.context?.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        deadline?.cancel()
        // The two hold each other until one of them ends.
        peer = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let peer, let other = peer.context else { return }
        // Who calls waits for the answer before it goes on (RFC 6455, 4.1).
        guard peer.answer == nil else { return context.close(promise: nil) }
        var bytes = unwrapInboundIn(data)
        guard var begun = answer else { return other.write(wrapOutboundOut(bytes), promise: nil) }
        begun.writeBuffer(&bytes)
        answer = begun
        guard begun.readableBytes >= Self.agreement.count else { return }
        other.write(wrapOutboundOut(begun), promise: nil)
        guard begun.readableBytesView.starts(with: Self.agreement) else { return context.close(promise: nil) }
        answer = nil
        deadline?.cancel()
        peer.readOn()
    }

    func channelReadComplete(context: ChannelHandlerContext) { peer?.context?.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        let other = peer
        peer = nil
        other?.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func read(context: ChannelHandlerContext) {
        // Until the other end is there and has agreed, the kernel keeps what comes.
        if let peer, peer.answer == nil, peer.context?.channel.isWritable == true {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { peer?.readOn() }
        context.fireChannelWritabilityChanged()
    }

    func readOn() {
        guard isReadHeld, let context else { return }
        isReadHeld = false
        read(context: context)
    }

    /// What was said is delivered, then it is closed.
    func finish() {
        peer = nil
        guard let context else { return }
        let flushed = context.writeAndFlush(wrapOutboundOut(ByteBuffer()))
        flushed.assumeIsolated().whenComplete { [weak self] _ in self?.context?.close(promise: nil) }
    }
}
