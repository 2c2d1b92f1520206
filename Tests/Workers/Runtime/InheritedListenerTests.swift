import Glibc
import NIOCore
import NIOPosix
import Runtime
import Testing

@Suite("An inherited listener")
struct InheritedListenerTests {
    @Test("keeps the long queue of those who wait, which NIO's adoption cuts to 128")
    func backlog() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0 && listen(descriptor, InheritedListener.backlog) == 0)
        let channel = try await InheritedListener.adopt(descriptor) {
            ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).withBoundSocket(descriptor)
        }
        // A listening socket tells its queue's bound in tcpi_sacked (tcp(7), as ss(8) reads it).
        var information = [UInt8](repeating: 0, count: 104)
        var length = socklen_t(information.count)
        try #require(getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &information, &length) == 0)
        let sacked = information[28..<32].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let limit = try systemLimit()
        #expect(sacked == min(UInt32(InheritedListener.backlog), limit))
        #expect(limit > 128, "net.core.somaxconn is \(limit): the test shows nothing here")
        try await channel.close()
    }

    private func systemLimit() throws -> UInt32 {
        let file = open("/proc/sys/net/core/somaxconn", O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(file, &bytes, bytes.count)
        return try #require(UInt32(String(decoding: bytes.prefix(max(0, count)).filter { $0 > 0x20 }, as: UTF8.self)))
    }
}
