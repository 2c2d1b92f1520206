import CLinux
import Glibc
import Testing

@testable import Supervisor

@Suite("Sockets from the service manager", .serialized)
struct InheritedListenersTests {
    /// Puts duplicates of descriptors side by side, as they come from a manager, and reads them.
    private func inherit(
        _ sockets: [Int32],
        names: String,
        pid: Int32 = getpid(),
        count: Int? = nil,
        _ body: (InheritedListeners?, Int32) throws -> Void
    ) rethrows {
        // Far above what tests beside this one open.
        let first: Int32 = 600
        for (index, socket) in sockets.enumerated() { _ = dup2(socket, first + Int32(index)) }
        let variables = [
            "LISTEN_PID": "\(pid)", "LISTEN_FDS": "\(count ?? sockets.count)", "LISTEN_FDNAMES": names,
        ]
        try body(InheritedListeners(first: first) { variables[$0] }, first)
        for index in sockets.indices { close(first + Int32(index)) }
    }

    /// What was taken over, as something that can be compared; it is closed.
    private struct Taken: Equatable {
        var name: String
        var port: UInt16
        var address: String
        var fd: Int32
        var isCloseOnExec: Bool
    }

    private func take(_ inherited: InheritedListeners?, _ name: String, _ host: String, _ port: UInt16) -> Taken? {
        guard let adopted = inherited?.take(name: name, host: host, port: port) else { return nil }
        let fd = adopted.socket.fd
        return Taken(
            name: adopted.name,
            port: adopted.socket.port,
            address: adopted.socket.address,
            fd: fd,
            isCloseOnExec: fcntl(fd, F_GETFD) & FD_CLOEXEC != 0
        )
    }

    private func isOpen(_ fd: Int32) -> Bool { fcntl(fd, F_GETFD) >= 0 }

    @Test("a socket of the plan's address and port is taken, whatever its name; the others are closed and named")
    func byAddress() throws {
        let wanted = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        let other = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        try inherit([other.fd, wanted.fd], names: "kept-http-1:whatever") { inherited, first in
            let inherited = try #require(inherited)
            let taken = take(inherited, "http", "127.0.0.1", wanted.port)
            let expected = Taken(
                name: "whatever",
                port: wanted.port,
                address: "127.0.0.1",
                fd: first + 1,
                isCloseOnExec: true
            )
            #expect(taken == expected)
            #expect(take(inherited, "http", "127.0.0.1", wanted.port) == nil)
            #expect(isOpen(first))
            #expect(inherited.closeRest() == ["kept-http-1"])
            #expect(!isOpen(first))
        }
    }

    @Test("by name the operator's socket unit decides the port, what we kept ourselves does not")
    func byName() throws {
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        inherit([socket.fd], names: "http") { inherited, _ in
            let adopted = take(inherited, "http", "127.0.0.1", 1)
            #expect(adopted?.port == socket.port)
        }
        inherit([socket.fd], names: InheritedListeners.keptName("http", port: socket.port)) { inherited, _ in
            #expect(take(inherited, "http", "127.0.0.1", 1) == nil)
            let adopted = take(inherited, "http", "127.0.0.1", 0)
            #expect(adopted?.port == socket.port, "port 0 means any")
        }
    }

    @Test("a socket that reaches further than the plan is never taken")
    func reach() throws {
        let open = try ListeningSocket.tcp(host: "0.0.0.0", port: 0)
        inherit([open.fd], names: "http") { inherited, _ in
            #expect(take(inherited, "http", "127.0.0.1", open.port) == nil)
            #expect(take(inherited, "http", "::1", open.port) == nil)
            let adopted = take(inherited, "http", "::", open.port)
            #expect(adopted?.address == "0.0.0.0")
        }
    }

    @Test("`::` has to serve both families")
    func dualStack() throws {
        let socket = clinux_tcp_socket(true)
        guard socket >= 0 else { return }
        defer { close(socket) }
        #expect(clinux_set_v6_only(socket, true) == 0)
        #expect(clinux_bind_ip(socket, [UInt8](repeating: 0, count: 16), 16, 0, 0) == 0)
        #expect(listen(socket, 1) == 0)
        let port = UInt16(truncatingIfNeeded: clinux_local_port(socket))
        inherit([socket], names: "http") { inherited, _ in
            #expect(take(inherited, "http", "::", port) == nil)
        }
        let both = try ListeningSocket.tcp(host: "::", port: 0)
        inherit([both.fd], names: "x") { inherited, _ in
            #expect(take(inherited, "http", "::", both.port) != nil)
        }
    }

    @Test("what does not listen on TCP is closed: a file, a connected socket, a datagram socket, a Unix socket")
    func useless() throws {
        let directory = TemporaryDirectory()
        let file = try Descriptor.open(directory.file("f"), O_CREAT | O_RDWR)
        let pair = try SocketPair()
        let datagrams = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(datagrams) }
        let unix = try ListeningSocket.unix(path: directory.file("s"), mode: 0o600)
        inherit([file.raw, pair.ours.raw, datagrams, unix.fd], names: "a:b") { inherited, first in
            #expect((0..<4).allSatisfy { !isOpen(first + $0) })
            #expect(inherited?.closeRest() == ["a", "b", "unknown", "unknown"])
        }
    }

    @Test("variables that are meant for another process, or nonsense, are left alone")
    func notForUs() throws {
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        inherit([socket.fd], names: "http", pid: 1) { inherited, first in
            #expect(inherited == nil)
            #expect(isOpen(first))
        }
        for count in [0, -1, Int.max, 100_000] {
            inherit([socket.fd], names: "http", count: count) { inherited, first in
                #expect(inherited == nil)
                #expect(isOpen(first))
            }
        }
        #expect(InheritedListeners { _ in nil } == nil)
        #expect(InheritedListeners { _ in "x" } == nil)
    }

    @Test("more sockets than anybody needs are closed, not kept")
    func tooMany() throws {
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        let many = [Int32](repeating: socket.fd, count: InheritedListeners.limit + 3)
        inherit(many, names: "") { inherited, first in
            #expect(isOpen(first + Int32(InheritedListeners.limit) - 1))
            #expect(!isOpen(first + Int32(InheritedListeners.limit)))
            #expect(!isOpen(first + Int32(many.count) - 1))
        }
    }
}
