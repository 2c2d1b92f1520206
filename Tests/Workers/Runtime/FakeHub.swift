import Glibc
import IPCControl
import IPCHub
import Logging
import NIOCore
import NIOPosix
import Runtime

/// A gateway's side of the hub for tests: accepts connections on a real Unix socket.
final class FakeHub: Sendable {
    let path: String
    private let server: NIOAsyncChannel<any Channel, Never>

    init(on group: any EventLoopGroup) async throws {
        path = "/tmp/clawhold-test-\(getpid())-\(UInt32.random(in: .min ... .max)).sock"
        // Not wrapped before it is served: a wrapped channel that nobody runs ends the process, and a worker may dial at
        // the very moment at which this ends.
        server = try await ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .bind(unixDomainSocketPath: path) { channel in channel.eventLoop.makeSucceededFuture(channel) }
    }

    /// Serves connections with `serve`, which gets the connection's number from 1.
    func run(_ serve: @escaping @Sendable (Int, Peer) async throws -> Void) async throws {
        try await server.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                var number = 0
                for try await channel in connections {
                    number += 1
                    let which = number
                    group.addTask {
                        let connection = try await channel.eventLoop.submit { try HubConnection.configure(channel) }
                            .get()
                        try? await connection.executeThenClose { inbound, outbound in
                            try await channel.setOption(.autoRead, value: true).get()
                            try await serve(which, Peer(messages: inbound.makeAsyncIterator(), outbound: outbound))
                        }
                    }
                }
            }
        }
    }

    deinit { unlink(path) }

    /// The worker at the other end.
    final class Peer {
        private var messages: NIOAsyncChannelInboundStream<HubMessage>.AsyncIterator
        private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

        init(
            messages: NIOAsyncChannelInboundStream<HubMessage>.AsyncIterator,
            outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            self.messages = messages
            self.outbound = outbound
        }

        func next() async throws -> HubMessage? { try await messages.next(isolation: #isolation) }

        func send(_ message: HubMessage) async throws { try await outbound.write(try HubConnection.bytes(message)) }

        /// Reads HELLO and answers WELCOME.
        func welcome() async throws -> HubHello? {
            guard case .hello(let hello)? = try await next() else { return nil }
            try await send(.welcome(HubWelcome()))
            return hello
        }
    }
}

/// A worker whose supervisor is a socket pair.
struct TestWorker {
    let worker: Worker
    let supervisor: SocketPair

    init(id: String, hub: String, group: any EventLoopGroup) async throws {
        guard let id = WorkerID(id) else { throw SocketError(EINVAL) }
        supervisor = try SocketPair()
        supervisor.ownsNear = false
        let start = WorkerStart(id: id, incarnation: 1, hubPath: hub, token: [1, 2, 3])
        let loop = group.next()
        let lifeline = try await Lifeline.adopt(supervisor.near, on: loop, ended: {})
        worker = Worker(
            start: start,
            eventLoop: loop,
            group: group,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lifeline: lifeline
        )
    }
}
