internal import Config
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import Testing

@testable internal import Gateway

/// A whole edge on an ephemeral loopback port, with the fake engine behind it.
struct EdgeBench {
    static let token = "a token of the test"

    let server: EdgeServer
    let engine: FakeConversations
    let port: Int
    let group: MultiThreadedEventLoopGroup
    let restarts: Restarts

    final class Restarts: Sendable {
        let ids = Mutex<[String]>([])
    }

    struct Setup {
        var config = GatewayConfig()
        var secret: String? = EdgeBench.token
        /// Patient: hundreds of tests at once starve each other for longer than a client may take for its first words.
        var limits = {
            var limits = EdgeLimits()
            limits.handshake = .seconds(60)
            return limits
        }()
        var unixPath: String?
        var owner: UInt32 = 4_000_000_000
        var rows: [WorkerRow] = []
        /// The tests dial from the process of the gateway itself.
        var isOwnTree: @Sendable (Int32) -> Bool = { _ in false }
        /// In the place of the fake, as in safe mode.
        var safeEngine: SafeConversations?
        var relays: FakeRelayWorkers?
    }

    /// Runs `body` against an edge and takes it down again.
    static func run(
        _ change: (inout Setup) -> Void = { _ in },
        _ body: (EdgeBench) async throws -> Void
    ) async throws {
        var setup = Setup()
        setup.config.version = "2026.1.2"
        setup.config.stateDirectory = "/state"
        setup.config.configPath = "/state/openclaw.json"
        change(&setup)
        let engine = FakeConversations()
        let rows = setup.rows
        engine.state.withLock { $0.rows = rows }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let restarts = Restarts()
        let (descriptor, port) = try listen()
        var listeners = [EdgeListener(descriptor: descriptor, kind: .tcp)]
        if let path = setup.unixPath { listeners.append(EdgeListener(descriptor: try listen(path: path), kind: .unix)) }
        var log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .critical
        let parts = EdgeServer.Parts(
            config: setup.config,
            secret: setup.secret,
            listeners: listeners,
            owner: setup.owner,
            host: "bench",
            conversations: setup.safeEngine ?? engine,
            safeReason: setup.safeEngine == nil ? nil : "it kept dying",
            command: { order, id in
                restarts.ids.withLock { $0.append(order == .restart ? id : "\(order.rawValue) \(id)") }
            },
            relays: setup.relays,
            isOwnTree: setup.isOwnTree,
            limits: setup.limits,
            log: log,
            eventLoop: group.next()
        )
        let server = try await EdgeServer.start(parts)
        let bench = EdgeBench(server: server, engine: engine, port: port, group: group, restarts: restarts)
        do {
            try await body(bench)
        } catch {
            await bench.end()
            throw error
        }
        await bench.end()
    }

    private func end() async {
        await server.stopAccepting()
        await server.shutdown(reason: "test", restartExpectedMilliseconds: nil, patience: .seconds(3))
        try? await group.shutdownGracefully()
    }

    /// A client that got in with the token, and its hello.
    func client(
        id: String = "test",
        mode: String = "test",
        scopes: [WireValue] = [],
        caps: [WireValue] = []
    ) async throws -> TestClient {
        let client = try await TestClient.connect(port: port, group: group)
        let hello = try await client.hello(id: id, mode: mode, scopes: scopes, caps: caps)
        try #require(hello["ok"] == true, "\(hello)")
        return client
    }

    private static func listen() throws -> (Int32, Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && Glibc.listen(descriptor, 128) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        try #require(bound)
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    private static func listen(path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                    && Glibc.listen(descriptor, 128) == 0
            }
        }
        try #require(bound)
        return descriptor
    }
}
