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
        /// What was sent has left; more may follow.
        case writable
        /// The end: the worker did not come, went away, or broke the protocol. Nothing follows.
        case ended(String)
    }

    /// Begins the name of every such stream, and of no other.
    static let prefix = "gateway/"

    private let receive: (Event) -> Void
    private let withdraw: (GatewayStream) -> Void
    private var peer: LinkHandler?
    private(set) var isOver = false

    /// False: what the worker says stays in its socket.
    var isReading = true {
        didSet { if isReading, !oldValue { peer?.resumeReading() } }
    }

    /// - Parameters:
    ///   - withdraw: tells the hub that nobody waits for the worker any more.
    ///   - receive: is not called any more after `ended` or `close`.
    init(withdraw: @escaping (GatewayStream) -> Void, receive: @escaping (Event) -> Void) {
        self.withdraw = withdraw
        self.receive = receive
    }

    var isWritable: Bool { peer?.isWritable ?? false }

    func send(_ message: HubMessage) {
        guard let peer, !isOver else { return }
        if !peer.write(message) { end("it does not read what it is sent") }
    }

    /// Closing is cancelling.
    func close() {
        guard !isOver else { return }
        isOver = true
        withdraw(self)
        peer?.close()
        peer = nil
    }

    // MARK: From the hub

    func join(_ peer: LinkHandler) {
        guard !isOver else { return peer.close() }
        self.peer = peer
        peer.becomeServing(self)
        tell(.opened)
    }

    func dismiss(_ reason: HubGoodbye.Reason, _ text: String) { end(text) }

    func received(_ message: HubMessage) { tell(.frame(message)) }

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
