internal import Glibc
package import NIOCore

/// Adoption of a listening socket that the supervisor bound.
package enum InheritedListener {
    /// Connections that may wait while nobody accepts: what the supervisor asked for when it bound.
    package static let backlog: Int32 = 4096

    /// Awaits the channel that `adopting` makes of `descriptor`, which belongs to it from then on.
    ///
    /// NIO calls listen(2) with its own 128 when it adopts a socket, before any channel option counts (2.101.2), and so
    /// would cut the queue of those who wait for the next gateway. Asking again afterwards puts the length back; seen with
    /// `ss -ltn`, and kept by a test.
    package static func adopt(
        _ descriptor: Int32,
        _ adopting: () -> EventLoopFuture<any Channel>
    ) async throws -> any Channel {
        let channel = try await adopting().get()
        guard listen(descriptor, backlog) == 0 else { throw IOError(errnoCode: errno, reason: "listen") }
        return channel
    }
}
