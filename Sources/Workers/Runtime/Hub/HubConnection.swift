package import IPCHub
package import NIOCore
internal import NIOPosix

/// One connection to the hub from a worker's side, before it is known what it is for.
package enum HubConnection {
    package typealias Stream = NIOAsyncChannel<HubMessage, ByteBuffer>

    /// Dials the gateway's socket. A gateway that restarts leaves a queue behind, so the call succeeds while it is away;
    /// a full queue (EAGAIN) and a socket that is not there yet are tried again for ten seconds.
    package static func dial(_ worker: Worker) async throws -> Stream {
        try await dial(worker, configure)
    }

    /// The same with a pipeline of the caller's own, made on the event loop.
    package static func dial<Output: Sendable>(
        _ worker: Worker,
        _ configure: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        let deadline = ContinuousClock.now + .seconds(10)
        var pause = Duration.milliseconds(5)
        while true {
            do {
                return try await ClientBootstrap(group: worker.eventLoop)
                    .channelOption(.recvAllocator, value: ReadBuffers.allocator)
                    .connect(unixDomainSocketPath: worker.start.hubPath) { channel in
                        channel.eventLoop.makeCompletedFuture { try configure(channel) }
                    }
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(250))
            }
        }
    }

    /// The pipeline of a link, on its event loop. Also what tests put on in-memory channels.
    package static func configure(_ channel: any Channel) throws -> Stream {
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(FrameDecoder()))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(
                backPressureStrategy: .init(lowWatermark: 2, highWatermark: 16),
                isOutboundHalfClosureEnabled: false
            )
        )
    }

    /// The bytes of one frame.
    package static func bytes(_ message: HubMessage) throws(FrameError) -> ByteBuffer {
        var buffer = ByteBuffer()
        try Frame.encode(message, into: &buffer)
        return buffer
    }
}
