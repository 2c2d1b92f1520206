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

        let local = NIOLoopBoundBox(ClientPeer.Socket.worker, eventLoop: eventLoop)
        if kind == .unix { readPeer(into: local) }
        try configureHTTP(late: late, local: local)
    }

    private func configureHTTP(late: Scheduled<Void>, local: NIOLoopBoundBox<ClientPeer.Socket>) throws {
        var configuration = NIOUpgradableHTTPServerPipelineConfiguration(
            upgradeConfiguration: upgrading(late: late, local: local)
        )
        configuration.decoderConfiguration.maxHeaderFieldSize = Self.headerFieldBytes
        configuration.decoderConfiguration.maxHeaderFieldCount = Self.headerFields
        configuration.decoderConfiguration.maxHeaderListSize = Self.headerBytes
        let channel = channel
        try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(configuration: configuration)
            .whenFailure { _ in channel.close(promise: nil) }
        try channel.pipeline.syncOperations.addHandler(MalformedRequest())
    }

    /// What becomes of the connection with the next request.
    private func upgrading(
        late: Scheduled<Void>,
        local: NIOLoopBoundBox<ClientPeer.Socket>
    ) -> NIOTypedHTTPServerUpgradeConfiguration<Void> {
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            maxFrameSize: core.limits.messageBytes,
            enableAutomaticErrorHandling: false,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    late.cancel()
                    try bound.value.becomeWebSocket(head, local: local.value)
                }
            }
        )
        return NIOTypedHTTPServerUpgradeConfiguration<Void>(
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.eventLoop.makeCompletedFuture {
                    late.cancel()
                    try channel.pipeline.syncOperations.addHandler(bound.value.makeHTTP(local))
                }
            }
        )
    }

    private func makeHTTP(_ local: NIOLoopBoundBox<ClientPeer.Socket>) -> HTTPConnection {
        HTTPConnection(
            core: core,
            peerOf: { peer($0.headers, local: local.value) },
            onAdmission: { gate.admitted(channel) },
            onDoubt: { gate.doubted(channel) },
            upgrade: { try letUpgrade(behind: $0, local) }
        )
    }

    /// NIO asks a connection's first request alone whether it wants to be a WebSocket. This asks a later one: who steps back
    /// passes it on to here.
    private func letUpgrade(behind handler: HTTPConnection, _ local: NIOLoopBoundBox<ClientPeer.Socket>) throws {
        let channel = channel
        let late = channel.eventLoop.scheduleTask(in: core.limits.handshake) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in late.cancel() }
        let pipeline = channel.pipeline.syncOperations
        let upgrade = NIOTypedHTTPServerUpgradeHandler<Void>(
            httpEncoder: try pipeline.handler(type: HTTPResponseEncoder.self),
            extraHTTPHandlers: [
                try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self),
                try pipeline.handler(type: HTTPServerPipelineHandler.self),
                try pipeline.handler(type: NIOHTTPResponseHeadersValidator.self),
                try pipeline.handler(type: HTTPServerProtocolErrorHandler.self),
            ],
            upgradeConfiguration: upgrading(late: late, local: local)
        )
        try pipeline.addHandler(upgrade, position: .after(handler))
        upgrade.upgradeResultFuture.whenFailure { _ in channel.close(promise: nil) }
    }

    private func becomeWebSocket(_ head: HTTPRequestHead, local: ClientPeer.Socket) throws {
        let pipeline = channel.pipeline.syncOperations
        let guardian = HelloGuard(limit: core.limits.bytesBeforeHello)
        let decoder = try pipeline.handler(type: ByteToMessageHandler<WebSocketFrameDecoder>.self)
        try pipeline.addHandler(guardian, position: .before(decoder))
        let (gate, channel) = (gate, channel)
        let connection = WebSocketConnection(
            id: EdgeID.make(),
            peer: peer(head.headers, local: local),
            core: core,
            helloGuard: guardian,
            onAdmission: { gate.admitted(channel) }
        )
        try pipeline.addHandler(connection)
    }

    /// The kernel's word for who is at the other end of our Unix socket; on failure nobody who is trusted.
    private func readPeer(into box: NIOLoopBoundBox<ClientPeer.Socket>) {
        guard let provider = channel as? any SocketOptionProvider else { return }
        let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket,
            name: .init(rawValue: SO_PEERCRED)
        )
        let isOwnTree = core.isOwnTree
        credentials.whenSuccess { peer in
            box.value = isOwnTree(peer.pid) ? .worker : .user(uid: peer.uid)
        }
    }

    private func peer(_ headers: HTTPHeaders, local: ClientPeer.Socket) -> ClientPeer {
        let forwarding = [
            "x-forwarded-host", "x-forwarded-proto", "forwarded", "fly-client-ip", "cf-connecting-ip", "via",
        ]
        return ClientPeer(
            socket: kind == .unix ? local : .address(channel.remoteAddress?.ipAddress ?? ""),
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
