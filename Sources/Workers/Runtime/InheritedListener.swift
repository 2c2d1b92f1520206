internal import Glibc
package import NIOCore
package import NIOPosix

/// Adoption of a listening socket that the supervisor bound.
package enum InheritedListener {
    /// Connections that may wait while nobody accepts: what the supervisor asked for when it bound.
    package static let backlog: Int32 = 4096

    /// Awaits the channel that the bootstrap makes of `descriptor`, which belongs to it from then on. The bootstrap is made
    /// on `eventLoop`, which must be its group.
    ///
    /// NIO calls listen(2) with its own 128 when it adopts a socket, before any channel option counts (2.101.2), and so
    /// would cut the queue of those who wait for the next gateway. Asking again afterwards puts the length back; seen with
    /// `ss -ltn`, and kept by a test. Nobody is accepted before that: a gateway that answers has its whole queue.
    package static func adopt(
        _ descriptor: Int32,
        on eventLoop: any EventLoop,
        _ bootstrap: @escaping @Sendable () -> ServerBootstrap
    ) async throws -> any Channel {
        try await eventLoop.flatSubmit {
            bootstrap().serverChannelOption(.autoRead, value: false).withBoundSocket(descriptor)
        }
        .flatMap { channel in
            guard listen(descriptor, backlog) == 0 else {
                let error = IOError(errnoCode: errno, reason: "listen")
                return channel.close().flatMapThrowing { throw error }
            }
            return channel.setOption(.autoRead, value: true).map { channel }
        }
        .get()
    }
}
