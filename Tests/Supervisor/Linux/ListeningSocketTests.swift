import CLinux
import Glibc
import Testing

@testable import Supervisor

struct ListeningSocketTests {
    private static let hasIPv6 = (try? ListeningSocket.tcp(host: "::1", port: 0)) != nil

    @Test("the wildcard serves both address families on one port", .enabled(if: hasIPv6, "not run: no IPv6 here"))
    func dualStack() throws {
        let socket = try ListeningSocket.tcp(host: "::", port: 0)
        for host in ["127.0.0.1", "::1"] {
            let client = try connect(to: host, port: socket.port)
            #expect(try socket.accept() != nil)
            close(client)
        }
        #expect(try socket.accept() == nil)
    }

    @Test("a loopback address serves itself and nothing beyond, and leaves the other loopback's port free")
    func loopback() throws {
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        close(try connect(to: "127.0.0.1", port: socket.port))
        #expect(throws: Errno.self) { try connect(to: "127.0.0.2", port: socket.port) }
        guard Self.hasIPv6 else { return }
        let other = try ListeningSocket.tcp(host: "::1", port: socket.port, patience: .zero)
        close(try connect(to: "::1", port: other.port))
    }

    @Test("three hundred clients queue while nobody accepts, far more than NIO's own 128")
    func backlog() throws {
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        let clients = try (0..<300).map { _ in try connect(to: "127.0.0.1", port: socket.port) }
        defer { clients.forEach { close($0) } }
        var accepted = 0
        while try socket.accept() != nil { accepted += 1 }
        #expect(accepted == 300)
    }

    @Test("a taken port is named with its holder, after the patience and not before")
    func taken() throws {
        let holder = try Program.python(
            """
            import socket, time
            s = socket.socket()
            s.bind(('127.0.0.1', 0))
            s.listen()
            print(s.getsockname()[1], flush=True)
            time.sleep(1000)
            """
        )
        let port = try #require(UInt16(holder.line()))
        let start = Instant.now()
        let failure = #expect(throws: ListeningSocket.Failure.self) {
            _ = try ListeningSocket.tcp(host: "127.0.0.1", port: port, patience: .milliseconds(100))
        }
        #expect(Instant.now() - start >= .milliseconds(100))
        guard case .inUse(_, port, let found) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(found?.pid == holder.pid)
        let text = failure?.description ?? ""
        #expect(text.hasPrefix("another gateway instance is already listening on ws://127.0.0.1:\(port)\n"))
        #expect(text.contains("Port \(port) is already in use by pid \(holder.pid): /usr/bin/python3"))
    }

    @Test("a port that becomes free within the patience is taken")
    func becomesFree() throws {
        let holder = try Program.python(
            """
            import socket
            s = socket.socket()
            s.bind(('127.0.0.1', 0))
            s.listen()
            print(s.getsockname()[1], flush=True)
            import time
            time.sleep(0.1)
            """
        )
        let port = try #require(UInt16(holder.line()))
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: port, patience: patience)
        #expect(socket.port == port)
    }

    @Test(
        "host names and nonsense are refused, not looked up",
        arguments: ["localhost", "", "1.2.3", "::g", "fe80::1%lo"]
    )
    func badAddress(text: String) {
        let failure = #expect(throws: ListeningSocket.Failure.self) { _ = try ListeningSocket.tcp(host: text, port: 0) }
        #expect(failure == .badAddress(text))
    }

    @Test("a Unix socket has its mode and owner from the start, and replaces the one left over")
    func unix() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("hub.sock")
        let owner = Requirement.isRoot ? ProcessIdentity(uid: 64321, gid: 64322) : nil
        for _ in 0..<2 {
            let socket = try ListeningSocket.unix(path: path, mode: 0o666, owner: owner)
            var facts = stat()
            #expect(lstat(path, &facts) == 0)
            #expect(facts.st_mode == S_IFSOCK | 0o666)
            if let owner { #expect(facts.st_uid == owner.uid && facts.st_gid == owner.gid) }
            let client = Descriptor(owning: clinux_unix_socket())
            #expect(clinux_connect_unix(client.raw, path) == 0)
            guard let accepted = try socket.accept() else { throw TimedOut(waitingFor: "the client") }
            let peer = try PeerCredentials(of: accepted)
            #expect(peer == (try PeerCredentials(of: client)))
            #expect(peer.pid == getpid())
            // The socket is closed here; its file stays, as after a kill -9.
        }
    }

    @Test("a file that is no socket is not deleted, and a path that is too long is refused")
    func unixRefusals() throws {
        let directory = TemporaryDirectory()
        try SystemFile.replace(directory.file("data"), with: "precious", mode: 0o600)
        let error = #expect(throws: Errno.self) {
            _ = try ListeningSocket.unix(path: directory.file("data"), mode: 0o600)
        }
        #expect(error?.code == EEXIST)
        #expect(try SystemFile.text(directory.file("data")) == "precious")
        let longest = ListeningSocket.longestPath - directory.path.utf8.count - 1
        _ = try ListeningSocket.unix(path: directory.file(String(repeating: "x", count: longest)), mode: 0o600)
        let long = #expect(throws: Errno.self) {
            _ = try ListeningSocket.unix(path: directory.file(String(repeating: "x", count: longest + 1)), mode: 0o600)
        }
        #expect(long?.code == ENAMETOOLONG)
    }

    @Test("the kernel's table of sockets gives listeners on the port only, and damage gives none")
    func table() {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100
               1: 0100007F:0BB8 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 100
               2: 00000000:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0 100
               3: garbage
            """
        #expect(PortHolder.listeners(in: text, port: 3000) == [4242])
        #expect(PortHolder.listeners(in: "", port: 3000).isEmpty)
    }
}
