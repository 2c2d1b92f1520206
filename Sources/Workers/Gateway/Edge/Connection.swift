internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOWebSocket

/// Sets an accepted socket up: its time limit, HTTP, and what becomes of it once the first request head is read.
struct Connection {
    let core: EdgeCore
    let gate: AcceptGate
    let channel: any Channel
    let kind: EdgeListener.Kind

    /// Longest name or value of a header, and how many headers there may be.
    static let headerFieldBytes = 16 * 1024
    static let headerFields = 100
    /// All headers of a request.
    static let headerBytes = 64 * 1024

    func configure() throws {
        core.accepted()
        gate.opened(channel)
        let eventLoop = channel.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        channel.closeFuture.whenComplete { _ in
            bound.value.core.disconnected()
            bound.value.gate.closed(bound.value.channel)
        }
        let channel = channel
        let late = eventLoop.scheduleTask(in: core.limits.handshake) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in late.cancel() }

        let peerUser = NIOLoopBoundBox<UInt32?>(nil, eventLoop: eventLoop)
        if kind == .unix { readPeerUser(into: peerUser) }
        try configureHTTP(late: late, peerUser: peerUser)
    }

    private func configureHTTP(late: Scheduled<Void>, peerUser: NIOLoopBoundBox<UInt32?>) throws {
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            maxFrameSize: core.limits.messageBytes,
            enableAutomaticErrorHandling: false,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    late.cancel()
                    try bound.value.becomeWebSocket(head, user: peerUser.value)
                }
            }
        )
        var configuration = NIOUpgradableHTTPServerPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration<Void>(
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        late.cancel()
                        let this = bound.value
                        let handler = HTTPConnection(core: this.core) { head in
                            this.peer(head.headers, user: peerUser.value)
                        }
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
            )
        )
        configuration.decoderConfiguration.maxHeaderFieldSize = Self.headerFieldBytes
        configuration.decoderConfiguration.maxHeaderFieldCount = Self.headerFields
        configuration.decoderConfiguration.maxHeaderListSize = Self.headerBytes
        let channel = channel
        try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(configuration: configuration)
            .whenFailure { _ in channel.close(promise: nil) }
        try channel.pipeline.syncOperations.addHandler(MalformedRequest())
    }

    private func becomeWebSocket(_ head: HTTPRequestHead, user: UInt32?) throws {
        let pipeline = channel.pipeline.syncOperations
        let guardian = HelloGuard(limit: core.limits.bytesBeforeHello)
        let decoder = try pipeline.handler(type: ByteToMessageHandler<WebSocketFrameDecoder>.self)
        try pipeline.addHandler(guardian, position: .before(decoder))
        let (gate, channel) = (gate, channel)
        let connection = WebSocketConnection(
            id: EdgeID.make(),
            peer: peer(head.headers, user: user),
            core: core,
            helloGuard: guardian,
            onAdmission: { gate.admitted(channel) }
        )
        try pipeline.addHandler(connection)
    }

    /// The kernel's word for who is at the other end of our Unix socket; on failure nobody in particular.
    private func readPeerUser(into box: NIOLoopBoundBox<UInt32?>) {
        guard let provider = channel as? any SocketOptionProvider else { return }
        let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket,
            name: .init(rawValue: SO_PEERCRED)
        )
        credentials.whenSuccess { box.value = $0.uid }
    }

    private func peer(_ headers: HTTPHeaders, user: UInt32?) -> ClientPeer {
        let forwarding = [
            "x-forwarded-host", "x-forwarded-proto", "forwarded", "fly-client-ip", "cf-connecting-ip", "via",
        ]
        return ClientPeer(
            socket: kind == .unix ? .user(uid: user) : .address(channel.remoteAddress?.ipAddress ?? ""),
            host: headers.first(name: "host")?.lowercased() ?? "",
            origin: headers.first(name: "origin"),
            forwardedFor: headers[canonicalForm: "x-forwarded-for"].map(String.init),
            realIP: headers.first(name: "x-real-ip"),
            hasForwardingHeaders: forwarding.contains { headers.contains(name: $0) }
        )
    }
}

/// `struct ucred` of unix(7), which Swift's Glibc module does not show.
private struct PeerCredentials: Sendable {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
}
