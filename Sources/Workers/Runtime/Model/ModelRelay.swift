package import IPCHub
package import NIOCore

/// A request of the pass-through endpoint: its body goes to the provider as it came.
package struct RelayCall: Sendable {
    /// Longest body.
    package static let bodyLimit = ModelWorker.callLimit
    /// Held for each relayed request besides its body: two connections, one event, what is on its way to the gateway.
    static let ownBytes = 20 * 1024

    package var request: HubRelayRequest
    package var body: [UInt8]

    package init(request: HubRelayRequest, body: [UInt8]) {
        self.request = request
        self.body = body
    }
}

/// Who takes the answer to a relayed request: one head, the body as it comes, the end. On one event loop.
package protocol RelayOutput: AnyObject {
    /// False: enough waits for who asked, and `whenWritable` is called when that has gone.
    var isWritable: Bool { get }
    var whenWritable: (() -> Void)? { get set }
    /// Called when who asked went away: closing is cancelling.
    var whenGone: (() -> Void)? { get set }

    func head(_ head: HubRelayHead)
    func body(_ bytes: ByteBuffer)
    /// Takes a row of the ledger along, in front of the end. False: it cannot.
    func row(_ row: HubLedgerRow) -> Bool
    /// - Parameter error: why the body is not whole; empty: it is.
    func end(error: String)
}

/// Where the answer to a relayed request goes, for whoever is not on the event loop of its output.
package struct RelayAnswer: Sendable {
    package let loop: any EventLoop
    private let output: NIOLoopBound<any RelayOutput>

    /// On the event loop.
    package init(_ output: any RelayOutput, on loop: any EventLoop) {
        self.loop = loop
        self.output = NIOLoopBound(output, eventLoop: loop)
    }

    /// Runs `body` on the event loop: at once where this is it, behind everything that was asked for before where it is not.
    package func perform(_ body: @escaping @Sendable (any RelayOutput) -> Void) {
        guard !loop.inEventLoop else { return body(output.value) }
        loop.execute { body(output.value) }
    }

    package func head(_ head: HubRelayHead) { perform { $0.head(head) } }

    package func body(_ bytes: [UInt8]) { perform { $0.body(ByteBuffer(bytes: bytes)) } }

    package func end(error: String = "") { perform { $0.end(error: error) } }
}

extension ModelProvider {
    /// A provider that relays nothing says so.
    package func relay(_ call: RelayCall, into answer: RelayAnswer) async throws {
        var head = HubRelayHead()
        head.status = 404
        answer.head(head)
        answer.end()
    }
}
