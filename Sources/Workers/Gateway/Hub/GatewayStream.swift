internal import IPCHub

/// A stream that the gateway itself opens to a worker. Frames are read one by one, and not before the ones in front of them
/// are wanted: the kernel's buffers are the flow control.
///
/// On the hub's event loop.
final class GatewayStream: StreamOpener {
    enum Event {
        /// The worker is there: now it may be sent to.
        case opened
        case frame(HubMessage)
        /// What the worker had said by now has been told.
        case caughtUp
        /// What was sent has left; more may follow.
        case writable
        /// The end: the worker did not come, went away, or broke the protocol. Nothing follows.
        case ended(String)
    }

    /// Begins the name of every such stream, and of no other.
    static let prefix = HubStreamName.gatewayPrefix

    /// Whose stream it is.
    let worker: String
    private let receive: (Event) -> Void
    private let withdraw: (GatewayStream) -> Void
    private let rest: (LinkHandler) -> Void
    private var peer: LinkHandler?
    /// It has served a stream before: the worker may have gone without anybody having noticed.
    private(set) var isReused = false
    private(set) var isOver = false

    /// False: what the worker says stays in its socket.
    var isReading = true {
        didSet { if isReading, !oldValue { peer?.resumeReading() } }
    }

    /// - Parameters:
    ///   - worker: who serves it.
    ///   - withdraw: tells the hub that nobody waits for the worker any more.
    ///   - rest: gives the hub a connection whose worker waits for the next request on it.
    ///   - receive: is not called any more after `ended` or `close`.
    init(
        worker: String,
        withdraw: @escaping (GatewayStream) -> Void,
        rest: @escaping (LinkHandler) -> Void = { $0.close() },
        receive: @escaping (Event) -> Void
    ) {
        self.worker = worker
        self.withdraw = withdraw
        self.rest = rest
        self.receive = receive
    }

    var isWritable: Bool { peer?.isWritable ?? false }

    /// Several frames leave in one write.
    func send(_ messages: HubMessage...) {
        guard let peer, !isOver else { return }
        if !peer.write(messages) { end("it does not read what it is sent") }
    }

    /// Closing is cancelling.
    func close() {
        guard !isOver else { return }
        isOver = true
        withdraw(self)
        peer?.close()
        peer = nil
    }

    /// The worker has read everything and has said everything: its connection is kept for the next stream to it.
    func finish() {
        guard !isOver, let peer else { return close() }
        isOver = true
        self.peer = nil
        rest(peer)
    }

    // MARK: From the hub

    /// A connection that has rested.
    func reuse(_ peer: LinkHandler) {
        guard !isOver else { return peer.close() }
        self.peer = peer
        isReused = true
        peer.becomeServingAgain(self)
        tell(.opened)
    }

    func join(_ peer: LinkHandler) {
        guard !isOver else { return peer.close() }
        self.peer = peer
        peer.becomeServing(self)
        tell(.opened)
        peer.flush()
    }

    func dismiss(_ reason: HubGoodbye.Reason, _ text: String) { end(text) }

    func received(_ message: HubMessage) { tell(.frame(message)) }

    func caughtUp() { tell(.caughtUp) }

    func becameWritable() { tell(.writable) }

    func lost() { end("it went away in the middle") }

    private func tell(_ event: Event) {
        guard !isOver else { return }
        receive(event)
    }

    private func end(_ why: String) {
        guard !isOver else { return }
        isOver = true
        peer?.close()
        peer = nil
        receive(.ended(why))
    }
}
