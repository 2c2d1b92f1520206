import Glibc

/// A blocking socket with a deadline for every wait; written here so that it shares nothing with what it tests.
final class Socket: @unchecked Sendable {
    // Unchecked: the descriptor is closed only in deinit, and the kernel serialises reads and writes.
    let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Connects to 127.0.0.1.
    static func tcp(_ port: UInt16) throws -> Socket {
        let socket = try make(AF_INET)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw failure("connect to port \(port)") }
        return socket
    }

    /// Connects to a Unix socket.
    static func unix(_ path: String) throws -> Socket {
        let socket = try make(AF_UNIX)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw TestFailure("the socket path is too long: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw failure("connect to \(path)") }
        return socket
    }

    /// A port that nobody listens on at this moment.
    static func freePort() throws -> UInt16 { try listening().port }

    /// A listener on 127.0.0.1 that nobody accepts from.
    static func listening(port: UInt16 = 0) throws -> (socket: Socket, port: UInt16) {
        let socket = try make(AF_INET)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.descriptor, $0, size) == 0 && listen(socket.descriptor, 16) == 0
                    && getsockname(socket.descriptor, $0, &size) == 0
            }
        }
        guard result else { throw failure("listen") }
        return (socket, UInt16(bigEndian: address.sin_port))
    }

    func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("send") }
            sent += count
        }
    }

    /// What has come; empty at the end. Throws when nothing comes in time.
    func read(within seconds: Double = 10) throws -> [UInt8] {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let ready = poll(&entry, 1, Int32(seconds * 1000))
        if ready < 0, errno == EINTR { return try read(within: seconds) }
        guard ready > 0 else { throw TestFailure("nothing to read within \(seconds) s") }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Self.failure("recv") }
        return Array(buffer[..<count])
    }

    /// Ends both directions; a reader on another thread sees the end.
    func shutdown() { Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func make(_ family: Int32) throws -> Socket {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("socket") }
        return Socket(descriptor)
    }

    private static func failure(_ what: String) -> TestFailure {
        TestFailure("\(what): \(String(cString: strerror(errno)))")
    }
}
