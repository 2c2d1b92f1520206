internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import NIOCore
internal import Synchronization

/// A connection of the gateway's for requests of the pass-through endpoint, one after another.
///
/// All on the worker's event loop. A request has a task until its answer begins: of a stream that says nothing only this is held.
final class RelayLink: ChannelDuplexHandler, RelayOutput {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Longest piece of a body in one frame.
    private static let pieceLimit = 256 * 1024

    private enum State {
        /// HELLO is sent.
        case greeting
        /// Nothing has been asked, or everything is answered.
        case resting
        case reading
        /// There was no room: the request is read to its end without keeping it, or who asked would not read why.
        case refusing
        case answering
        case closed
    }

    private let model: ModelWorker
    private let hello: HubHello
    private var state = State.greeting
    private var context: ChannelHandlerContext?
    private var buffer = ByteBuffer()
    private var call = RelayCall(request: HubRelayRequest(), body: [])
    private var ticket = Admission.Ticket()
    private var answering: Task<Void, Never>?
    /// Requests that were put to the provider.
    private var served = 0
    /// Nothing more is read: there is no room for it yet.
    private var isWaiting = false
    private var isReadHeld = false
    /// Frames that leave with the end of this round of the event loop.
    private var outgoing = ByteBuffer()
    private var isFlushDue = false
    /// Ids of the rows that went along with the last answer: the gateway has read them when it asks for the next.
    private var rows: [String] = []
    var whenWritable: (() -> Void)?
    var whenGone: (() -> Void)?

    init(_ model: ModelWorker, stream: String) {
        self.model = model
        var hello = HubHello()
        hello.stream = stream
        hello.identify(model.worker.start)
        self.hello = hello
    }

    // MARK: The channel's life

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        write(.hello(hello))
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Closing is cancelling, before an answer has begun and after.
        if case .resting = state { model.activity.withLock { $0.resting -= 1 } }
        state = .closed
        answering?.cancel()
        whenGone?()
        model.records.tellAgain(rows)
        forget()
        (whenWritable, whenGone) = (nil, nil)
        model.leftStream()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { whenWritable?() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
        readFrames()
    }

    func read(context: ChannelHandlerContext) {
        if isWaiting { isReadHeld = true } else { context.read() }
    }

    private func readFrames() {
        do {
            while !isWaiting, let message = try Frame.decode(from: &buffer) { try take(message) }
        } catch {
            model.worker.log.debug("a connection for relayed requests ended: \(error)")
            context?.close(promise: nil)
        }
        if buffer.readableBytes == 0 { buffer = ByteBuffer() } else { buffer.discardReadBytes() }
    }

    private func take(_ message: HubMessage) throws {
        switch (state, message) {
        case (.greeting, .welcome):
            state = .resting
            model.activity.withLock { $0.resting += 1 }
        case (.greeting, .goodbye(let goodbye)): throw HubLinkError.refused(goodbye.reason, goodbye.text)
        case (.resting, .relayRequest(let request)):
            state = .reading
            rows = []
            model.activity.withLock { $0.resting -= 1 }
            call = RelayCall(request: request, body: Array(request.body))
            call.request.body = Data()
            ticket = Admission.Ticket()
            reserve(RelayCall.ownBytes + call.body.count) {}
        case (.reading, .mediaChunk(let chunk)):
            guard call.body.count + chunk.data.count <= RelayCall.bodyLimit else {
                throw HubLinkError.malformed(.tooLong(call.body.count + chunk.data.count))
            }
            reserve(chunk.data.count) { self.call.body.append(contentsOf: chunk.data) }
        case (.reading, .mediaEnd(let end)):
            guard end.error.isEmpty else { throw HubLinkError.closed }
            answer()
        case (.refusing, .mediaChunk): break
        case (.refusing, .mediaEnd): shed()
        case (.closed, _): break
        default: throw HubLinkError.unexpected(message.type)
        }
    }

    /// Goes on with `keep` once there is room for so many bytes more; without any the request is refused.
    private func reserve(_ bytes: Int, _ keep: @escaping () -> Void) {
        if model.admission.take(bytes, for: ticket) { return keep() }
        isWaiting = true
        let (admission, ticket) = (model.admission, ticket)
        let this = NIOLoopBound(self, eventLoop: model.worker.eventLoop)
        let goOn = NIOLoopBound(keep, eventLoop: model.worker.eventLoop)
        // Ends within the admission's patience.
        Task(executorPreference: model.worker.executor) {
            let hasRoom = await admission.reserve(bytes, for: ticket)
            this.eventLoop.execute { this.value.waited(hasRoom, goOn.value) }
        }
    }

    private func waited(_ hasRoom: Bool, _ keep: () -> Void) {
        isWaiting = false
        if case .closed = state { return model.admission.release(ticket) }
        if hasRoom {
            keep()
        } else {
            state = .refusing
            forget()
        }
        readFrames()
        guard isReadHeld, !isWaiting else { return }
        isReadHeld = false
        context?.read()
    }

    /// Of a request that is answered nothing is held.
    private func forget() {
        call = RelayCall(request: HubRelayRequest(), body: [])
        model.admission.release(ticket)
    }

    // MARK: Answering

    private func answer() {
        state = .answering
        let (worker, provider, records, call) = (model.worker, model.provider, model.records, call)
        let answer = RelayAnswer(self, on: worker.eventLoop)
        self.call = RelayCall(request: HubRelayRequest(), body: [])
        worker.reach("model.received")
        served += 1
        let this = NIOLoopBound((link: self, number: served), eventLoop: worker.eventLoop)
        // Cancelled with the connection. Ends with the answer's beginning.
        answering = Task(executorPreference: worker.executor) {
            if provider.keepsState { await records.isRestored() }
            do {
                try await provider.relay(call, into: answer)
            } catch {
                if !Task.isCancelled {
                    worker.log.debug("a relayed request ended: \(error)")
                    answer.end(error: "\(error)")
                }
            }
            // Who holds a task that has ended holds its stack as well.
            worker.eventLoop.execute { this.value.link.left(this.value.number) }
        }
    }

    /// The task of a request has nothing more to do.
    private func left(_ number: Int) {
        if number == served { answering = nil }
    }

    private func shed() {
        _ = model.shed()
        state = .answering
        var refusal = HubRelayHead()
        (refusal.status, refusal.tryNext) = (503, true)
        head(refusal)
        end(error: "")
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func head(_ head: HubRelayHead) {
        guard case .answering = state else { return }
        write(.relayHead(head))
    }

    func body(_ bytes: ByteBuffer) {
        guard case .answering = state else { return }
        var rest = bytes
        while let piece = rest.readSlice(length: min(rest.readableBytes, Self.pieceLimit)), piece.readableBytes > 0 {
            Frame.encode(chunk: piece, into: &outgoing)
        }
        flushSoon()
    }

    func row(_ row: HubLedgerRow) -> Bool {
        guard case .answering = state, let context, context.channel.isActive else { return false }
        rows.append(row.id)
        write(.ledgerRow(row))
        return true
    }

    func end(error: String) {
        guard case .answering = state else { return }
        var end = HubMediaEnd()
        end.error = error
        write(.mediaEnd(end))
        answering = nil
        (whenWritable, whenGone) = (nil, nil)
        forget()
        state = .resting
        model.activity.withLock { activity in
            activity.resting += 1
            activity.last = .now
        }
    }

    private func write(_ message: HubMessage) {
        do {
            try Frame.encode(message, into: &outgoing)
            flushSoon()
        } catch {
            context?.close(promise: nil)
        }
    }

    /// What is said within one round of the event loop leaves in one piece.
    private func flushSoon() {
        guard !isFlushDue, let context else { return }
        isFlushDue = true
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { this.value.flush() }
    }

    private func flush() {
        isFlushDue = false
        let bytes = outgoing
        outgoing = ByteBuffer()
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
