internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket

/// One WebSocket connection to Discord's gateway: opens it, sends texts, hands on what comes, inflated.
struct GatewaySocket: Sendable {
    /// Where to connect.
    struct Address: Equatable, Sendable {
        var isSecure: Bool
        var host: String
        var port: Int
        /// With the query that chooses version, encoding and compression.
        var path: String

        /// - Parameter url: `wss://host[:port][/path]`, or `ws://` for tests. Nil for anything else.
        init?(_ url: String) {
            let isSecure = url.hasPrefix("wss://")
            guard isSecure || url.hasPrefix("ws://"), url.utf8.count <= 512,
                url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { return nil }
            let rest = url.dropFirst(isSecure ? 6 : 5)
            let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            var path = String(rest.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" })
            if path.isEmpty { path = "/" }
            self.isSecure = isSecure
            self.path = path + "?v=10&encoding=json&compress=zlib-stream"
            var host = String(authority)
            var port = isSecure ? 443 : 80
            if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
                guard let number = Int(authority[authority.index(after: colon)...]), (1...65535).contains(number) else {
                    return nil
                }
                port = number
                host = String(authority[..<colon])
            }
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            guard !host.isEmpty, !host.contains("@") else { return nil }
            self.host = host
            self.port = port
        }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    typealias Connection = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    let connection: Connection

    /// Dials, with TLS where the address asks for it, and upgrades. Bounded by ten seconds for the connection; the plan
    /// bounds the whole.
    static func open(_ address: Address, on loop: any EventLoop) async throws -> GatewaySocket {
        let tls = address.isSecure ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let upgraded = try await ClientBootstrap(group: loop)
            .connectTimeout(.seconds(10))
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        // An address of digits has no name that a certificate could bear in SNI.
                        let isName = (try? SocketAddress(ipAddress: address.host, port: 0)) == nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: isName ? address.host : nil)
                        )
                    }
                    return try upgrade(channel, address)
                }
            }
        guard let connection = try await upgraded.get() else {
            throw Failure(description: "\(address.host) does not speak WebSocket there")
        }
        return GatewaySocket(connection: connection)
    }

    private static func upgrade(
        _ channel: any Channel,
        _ address: Address
    ) throws -> EventLoopFuture<Connection?> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Connection?>(maxFrameSize: DiscordLimits.frameBytes) {
            channel,
            _ in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(
                        backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8),
                        isOutboundHalfClosureEnabled: false
                    )
                )
            }
        }
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        let isUsual = address.port == (address.isSecure ? 443 : 80)
        let request = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: address.path,
            headers: ["host": isUsual ? host : "\(host):\(address.port)", "user-agent": DiscordAPI.userAgent]
        )
        let configuration = NIOTypedHTTPClientUpgradeConfiguration<Connection?>(
            upgradeRequestHead: request,
            upgraders: [upgrader]
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                channel.close(promise: nil)
                return nil
            }
        }
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: configuration)
        // HELLO may come in one piece with the answer to the upgrade; by default it would be thrown away.
        pipeline.leftOverBytesStrategy = .forwardBytes
        let upgraded = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: pipeline
        )
        // A server that takes the connection and says nothing: waiting for it cannot be cancelled, closing can.
        let limit = channel.eventLoop.scheduleTask(in: .seconds(25)) { channel.close(promise: nil) }
        upgraded.whenComplete { _ in limit.cancel() }
        return upgraded
    }

    /// Sends a text; what cannot be sent is noticed by its missing answer.
    func send(_ text: [UInt8]) {
        write(.text, ByteBuffer(bytes: text))
    }

    /// Says goodbye with `code` and closes; a peer that does not read cannot hold it up.
    func close(_ code: UInt16) {
        var data = ByteBuffer()
        data.writeInteger(code)
        write(.connectionClose, data)
        connection.channel.close(promise: nil)
    }

    /// Answers a ping.
    func pong(_ data: ByteBuffer) {
        write(.pong, data)
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        connection.channel.writeAndFlush(frame, promise: nil)
    }
}
