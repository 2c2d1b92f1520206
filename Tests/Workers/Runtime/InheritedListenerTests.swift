import Glibc
import NIOCore
import NIOPosix
import Runtime
import Testing

@Suite("An inherited listener")
struct InheritedListenerTests {
    @Test("keeps the long queue of those who wait, which NIO's adoption cuts to 128, before it takes the first of them")
    func backlog() async throws {
        let descriptor = try tcp()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(bound && listen(descriptor, InheritedListener.backlog) == 0)
        let client = try tcp()
        defer { close(client) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, length) }
        }
        try #require(connected == 0, "it waits in the queue")

        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let seen = eventLoop.makePromise(of: UInt32.self)
        let channel = try await InheritedListener.adopt(descriptor, on: eventLoop) {
            ServerBootstrap(group: eventLoop).childChannelInitializer { child in
                seen.completeWith(Result { try queueLength(of: descriptor) })
                return child.eventLoop.makeSucceededVoidFuture()
            }
        }
        let limit = try systemLimit()
        let whole = min(UInt32(InheritedListener.backlog), limit)
        #expect(try await seen.futureResult.get() == whole, "when the first is accepted")
        #expect(try queueLength(of: descriptor) == whole)
        #expect(limit > 128, "net.core.somaxconn is \(limit): the test shows nothing here")
        try await channel.close()
    }

    private func tcp() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        return descriptor
    }

    private func systemLimit() throws -> UInt32 {
        let file = open("/proc/sys/net/core/somaxconn", O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(file, &bytes, bytes.count)
        return try #require(UInt32(String(decoding: bytes.prefix(max(0, count)).filter { $0 > 0x20 }, as: UTF8.self)))
    }
}

/// The bound of a listening socket's queue, which it tells in tcpi_sacked (tcp(7), as ss(8) reads it).
private func queueLength(of descriptor: Int32) throws -> UInt32 {
    var information = [UInt8](repeating: 0, count: 104)
    var length = socklen_t(information.count)
    try #require(getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &information, &length) == 0)
    return information[28..<32].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
}
