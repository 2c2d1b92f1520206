package import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A webhook's own HTTP server: bounded in connections, bytes and time. What stands in front of it speaks TLS.
package final class WebhookListener: Sendable {
    /// Takes a request and says how to answer. Cancelled when its connection is gone, or its time is over.
    package typealias Receive = @Sendable (WebhookRequestBody) async -> WebhookAnswer

    let rules: WebhookRules
    private let receive: Receive
    private let connections = Atomic<Int>(0)
    private let held = Atomic<Int>(0)
    private let reading = Mutex<[String: Int]>([:])

    package init(_ rules: WebhookRules, receive: @escaping Receive) {
        self.rules = rules
        self.receive = receive
    }

    /// Listens until the channel is closed. Throws the system's error when the port cannot be had.
    package func bind(host: String, port: Int, group: any EventLoopGroup) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                guard self.connections.wrappingAdd(1, ordering: .relaxed).newValue <= self.rules.connections else {
                    self.connections.wrappingSubtract(1, ordering: .relaxed)
                    return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                channel.closeFuture.whenComplete { _ in self.connections.wrappingSubtract(1, ordering: .relaxed) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        WebhookHandler(listener: self, receive: self.receive)
                    )
                }
            }
            .bind(host: host, port: port).get()
    }

    /// Whether so many more bytes may be held.
    func hold(_ bytes: Int) -> Bool {
        guard held.wrappingAdd(bytes, ordering: .relaxed).newValue <= rules.heldBytes else {
            held.wrappingSubtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    func release(_ bytes: Int) { held.wrappingSubtract(bytes, ordering: .relaxed) }

    /// Whether one more request of `key` may be read.
    func admit(_ key: String) -> Bool {
        reading.withLock { reading in
            guard reading[key, default: 0] < rules.requestsPerKey else { return false }
            reading[key, default: 0] += 1
            return true
        }
    }

    func dismiss(_ key: String) {
        reading.withLock { reading in
            let left = reading[key, default: 0] - 1
            reading[key] = left > 0 ? left : nil
        }
    }
}
