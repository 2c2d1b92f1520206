internal import IPCHub
internal import NIOCore

/// One connection to the hub: HELLO first, then either frames for the engine, or bytes for the other end of a stream.
///
/// On the hub's event loop, like everything here.
final class LinkHandler: ChannelDuplexHandler, StreamOpener {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case greeting
        case control(worker: String, link: Int)
        /// A stream's end whose other end is not there yet.
        case waiting(stream: String)
        case piping(LinkHandler)
        /// A stream that the gateway itself opened.
        case serving(GatewayStream)
        /// Has served a stream of the gateway's to this worker, and waits for the next.
        case resting(worker: String)
        case closing
    }

    private let server: HubServer
    private var state = State.greeting
    private var context: ChannelHandlerContext?
    private var buffer = ByteBuffer()
    private var helloDeadline: Scheduled<Void>?
    private var pendingBytes = 0
    private var isReadHeld = false
    /// The hub asked for a pause: the journal is behind.
    private var isPaused = false

    init(server: HubServer) {
        self.server = server
    }

    // MARK: The channel's life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard server.opened(self) else { return context.close(promise: nil) }
        helloDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: server.limits.hello) { [weak self] in
            guard let self, case .greeting = self.state else { return }
            self.context?.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        helloDeadline?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let last = state
        state = .closing
        server.closed(self)
        switch last {
        case .control(let worker, let link): server.lost(worker: worker, link: link)
        case .waiting(let stream): server.abandoned(stream: stream, by: self)
        case .piping(let peer): peer.finish()
        case .serving(let stream): stream.lost()
        case .resting(let worker): server.stoppedResting(self, worker)
        case .greeting, .closing: break
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        switch state {
        case .piping(let peer): peer.finishOutput()
        // A stream's end that waits may have said all it has to say.
        case .waiting: break
        case .greeting, .control, .serving, .resting, .closing: context.close(promise: nil)
        }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .piping(let peer) = state { return peer.forward(bytes) }
        // As a rule a read ends where a frame does: then nothing is copied.
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
        readFrames()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        switch state {
        case .piping(let peer): peer.context?.flush()
        case .serving(let stream): stream.caughtUp()
        case .greeting, .control, .waiting, .resting, .closing: break
        }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        let mayRead: Bool =
            switch state {
            case .greeting: true
            case .control: !isPaused
            // The kernel keeps what comes; its buffer is the flow control.
            case .waiting: false
            case .piping(let peer): peer.isWritable
            case .serving(let stream): stream.isReading
            case .resting, .closing: true
            }
        if mayRead { context.read() } else { isReadHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            switch state {
            case .piping(let peer): peer.readOn()
            case .serving(let stream): stream.becameWritable()
            case .greeting, .control, .waiting, .resting, .closing: break
            }
        }
        context.fireChannelWritabilityChanged()
    }

    private func readFrames() {
        do {
            while let message = try nextFrame() {
                switch (state, message) {
                case (.greeting, .hello(let hello)):
                    helloDeadline?.cancel()
                    server.greeted(hello, by: self)
                // Nobody has asked for anything.
                case (.greeting, _), (.resting, _): throw FrameError.unknownType(message.type)
                case (.control(let worker, let link), _): server.received(worker: worker, link: link, message: message)
                case (.serving(let stream), .ledgerRow(let row)): server.received(row, of: stream.worker)
                case (.serving(let stream), _): stream.received(message)
                case (.waiting, _), (.piping, _), (.closing, _): return
                }
            }
        } catch {
            server.malformed(name, error)
            context?.close(promise: nil)
        }
        if buffer.readableBytes == 0 { buffer = ByteBuffer() } else { buffer.discardReadBytes() }
    }

    private func nextFrame() throws(FrameError) -> HubMessage? {
        switch state {
        case .greeting, .control, .serving, .resting: try Frame.decode(from: &buffer)
        // What follows the HELLO of a stream is the other end's.
        case .waiting, .piping, .closing: nil
        }
    }

    private var name: String {
        if case .control(let worker, _) = state { worker } else { "a connection without a name" }
    }

    // MARK: What the hub decides

    func becomeControl(worker: String, link: Int) {
        state = .control(worker: worker, link: link)
    }

    func becomeWaiting(stream: String) {
        state = .waiting(stream: stream)
    }

    /// Joins the two ends of a stream: from here on bytes are copied, not read.
    func join(_ peer: LinkHandler) {
        state = .piping(peer)
        peer.state = .piping(self)
        for end in [self, peer] { end.write(.welcome(server.welcome)) }
        for (end, other) in [(self, peer), (peer, self)] {
            other.forward(end.buffer)
            other.context?.flush()
            end.buffer.clear(minimumCapacity: 0)
            end.readOn()
        }
    }

    /// Serves a stream of the gateway's own; what came behind HELLO is the stream's. The welcome leaves with what is sent
    /// next, or with `flush`.
    func becomeServing(_ stream: GatewayStream) {
        state = .serving(stream)
        _ = write([.welcome(server.welcome)], flushes: false)
    }

    func flush() { context?.flush() }

    /// Serves one more, after `rest`.
    func becomeServingAgain(_ stream: GatewayStream) {
        state = .serving(stream)
        readOn()
    }

    /// Waits for the next stream to this worker.
    func rest(_ worker: String) {
        state = .resting(worker: worker)
        readOn()
    }

    /// The stream wants more again.
    func resumeReading() { readOn() }

    /// Sends a frame; false when the worker does not read and too much waits for it.
    @discardableResult
    func write(_ message: HubMessage, then done: (@Sendable () -> Void)? = nil) -> Bool {
        write([message], then: done)
    }

    /// Several in one write.
    ///
    /// - Parameter flushes: false: they leave with the next write, or with `flush`.
    func write(_ messages: [HubMessage], flushes: Bool = true, then done: (@Sendable () -> Void)? = nil) -> Bool {
        guard let context else { return false }
        var bytes = context.channel.allocator.buffer(capacity: 256)
        do {
            for message in messages { try Frame.encode(message, into: &bytes) }
        } catch {
            server.malformed("the gateway", error)
            return true
        }
        let count = bytes.readableBytes
        pendingBytes += count
        let written = context.write(wrapOutboundOut(bytes))
        written.assumeIsolated().whenComplete { [weak self] result in
            self?.pendingBytes -= count
            if case .success = result { done?() }
        }
        if flushes { context.flush() }
        return pendingBytes <= server.limits.pendingBytes
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Says why and closes.
    func dismiss(_ reason: HubGoodbye.Reason, _ text: String) {
        state = .closing
        var goodbye = HubGoodbye()
        goodbye.reason = reason
        goodbye.text = text
        write(.goodbye(goodbye))
        finish()
    }

    func close() { context?.close(promise: nil) }

    func pause(_ isPaused: Bool) {
        self.isPaused = isPaused
        if !isPaused { readOn() }
    }

    // MARK: Copying

    private func forward(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        context?.write(wrapOutboundOut(bytes), promise: nil)
    }

    private func readOn() {
        guard isReadHeld, let context else { return }
        isReadHeld = false
        read(context: context)
    }

    /// The other end will say no more: what it said is delivered, then this end's output is closed.
    private func finishOutput() {
        guard let context else { return }
        let flushed = context.writeAndFlush(wrapOutboundOut(ByteBuffer()))
        flushed.assumeIsolated().whenComplete { [weak self] _ in self?.context?.close(mode: .output, promise: nil) }
    }

    /// The other end is gone: what it said is delivered, then this one is closed.
    private func finish() {
        guard let context else { return }
        let flushed = context.writeAndFlush(wrapOutboundOut(ByteBuffer()))
        flushed.assumeIsolated().whenComplete { [weak self] _ in self?.context?.close(promise: nil) }
    }
}
