internal import CLinux
internal import Glibc

/// A socket that the supervisor binds and never accepts on: workers inherit it, and clients wait in the kernel's queue
/// while one of them is replaced.
package struct ListeningSocket: ~Copyable, Sendable {
    package static let backlog: Int32 = 4096
    /// After a kill -9 of the supervisor its children hold the port until the kernel has ended them too.
    package static let patience = Duration.seconds(2)

    package let descriptor: Descriptor
    /// The bound port, also when 0 was asked for; 0 for Unix sockets.
    package let port: UInt16
    /// The address as bound: `::`, `127.0.0.1`, a path.
    package let address: String

    package var fd: Int32 { descriptor.raw }

    /// Why nothing listens.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// Somebody else has the port: by whom, when that can be seen.
        case inUse(address: String, port: UInt16, holder: PortHolder?)
        case refused(Errno)
        case badAddress(String)

        package var description: String {
            switch self {
            case .inUse(let address, let port, let holder):
                """
                another gateway instance is already listening on ws://\(Self.bracketed(address)):\(port)
                Port \(port) is already in use\(holder.map { " by pid \($0.pid): \($0.commandLine)" } ?? "").
                Stop that process, or use a different port with --port.
                """
            case .refused(let error):
                "failed to bind gateway socket: \(error)"
            case .badAddress(let text):
                "failed to bind gateway socket: \"\(text)\" is not an IP address; use --bind loopback or --bind lan"
            }
        }

        private static func bracketed(_ address: String) -> String {
            address.contains(":") ? "[\(address)]" : address
        }
    }

    /// Binds TCP. `::` serves IPv4 too and falls back to `0.0.0.0` where there is no IPv6.
    ///
    /// - Parameters:
    ///   - host: a numeric address.
    ///   - port: 0 lets the kernel choose.
    ///   - patience: how long a taken port is tried again.
    package static func tcp(
        host: String,
        port: UInt16,
        patience: Duration = ListeningSocket.patience
    ) throws(Failure) -> ListeningSocket {
        guard let address = IPAddress(host) else { throw .badAddress(host) }
        do {
            return try bind(address, host, port, patience)
        } catch .refused(let error) where host == "::" && (error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL) {
            return try bind(.v4Any, "0.0.0.0", port, patience)
        }
    }

    private static func bind(
        _ address: IPAddress,
        _ host: String,
        _ port: UInt16,
        _ patience: Duration
    ) throws(Failure) -> ListeningSocket {
        let deadline = Instant.now() + patience
        while true {
            do {
                return try bindOnce(address, host, port)
            } catch  where error.code == EADDRINUSE {
                if Instant.now() >= deadline {
                    throw .inUse(address: host, port: port, holder: PortHolder.find(port: port))
                }
                usleep(5000)
            } catch {
                throw .refused(error)
            }
        }
    }

    private static func bindOnce(
        _ address: IPAddress,
        _ host: String,
        _ port: UInt16
    ) throws(Errno) -> ListeningSocket {
        let name = "\(host) port \(port)"
        let socket = Descriptor(owning: try Errno.check(clinux_tcp_socket(address.isV6), "socket", name))
        try Errno.check(clinux_set_reuse_address(socket.raw), "setsockopt", name)
        if address.isV6 {
            // Only the wildcard means both; `::1` must leave 127.0.0.1 to its own socket.
            try Errno.check(clinux_set_v6_only(socket.raw, host != "::"), "setsockopt", name)
        }
        let result = clinux_bind_ip(socket.raw, address.bytes, address.bytes.count, port, 0)
        try Errno.check(result, "bind", name)
        let raw = socket.raw
        try Errno.retrying("listen", name) { listen(raw, backlog) }
        let bound = try Errno.check(clinux_local_port(socket.raw), "getsockname", name)
        return ListeningSocket(descriptor: socket, port: UInt16(truncatingIfNeeded: bound), address: host)
    }

    /// The longest path of a socket: NIO refuses more than 103 bytes, and a margin is left for `sun_path` elsewhere.
    package static let longestPath = 99

    /// Binds a Unix stream socket; a socket file that was left over is replaced, any other file is not.
    ///
    /// Hold the directory lock: two supervisors would take each other's socket.
    package static func unix(
        path: String,
        mode: UInt32,
        owner: ProcessIdentity? = nil
    ) throws(Errno) -> ListeningSocket {
        guard path.utf8.count <= longestPath else { throw Errno(ENAMETOOLONG, "bind", path) }
        var facts = stat()
        if lstat(path, &facts) == 0 {
            guard facts.st_mode & S_IFMT == S_IFSOCK else { throw Errno(EEXIST, "bind", path) }
            try Errno.retrying("unlink", path) { unlink(path) }
        }
        let socket = Descriptor(owning: try Errno.check(clinux_unix_socket(), "socket", path))
        // Linux gives the file the socket's own mode: it is never open to more than it should, not even for a moment.
        // (Not by umask, which belongs to the whole process.)
        let raw = socket.raw
        try Errno.retrying("chmod", path) { fchmod(raw, 0) }
        try Errno.check(clinux_bind_unix(socket.raw, path), "bind", path)
        if let owner {
            try Errno.retrying("chown", path) { lchown(path, owner.uid, owner.gid) }
        }
        try Errno.retrying("chmod", path) { chmod(path, mode) }
        try Errno.retrying("listen", path) { listen(raw, backlog) }
        return ListeningSocket(descriptor: socket, port: 0, address: path)
    }

    /// The next connection that waits, close-on-exec and non-blocking; nil when there is none.
    ///
    /// Only for the control socket: everything else is accepted by workers.
    package borrowing func accept() throws(Errno) -> Descriptor? {
        let fd = clinux_accept(descriptor.raw)
        if fd == -EAGAIN { return nil }
        return Descriptor(owning: try Errno.check(fd, "accept", address))
    }
}

/// Who is at the other end of a Unix socket, as of its connect.
package struct PeerCredentials: Hashable, Sendable {
    /// 0 when the peer is in a pid namespace that cannot be seen from here.
    package var pid: Int32
    package var uid: UInt32
    package var gid: UInt32

    package init(of socket: borrowing Descriptor) throws(Errno) {
        var peer = clinux_peer()
        try Errno.check(clinux_peer_credentials(socket.raw, &peer), "getsockopt SO_PEERCRED")
        pid = peer.pid
        uid = peer.uid
        gid = peer.gid
    }

    /// Whether the process at the other end of `socket` was in `group`, as its first or a further group, when it connected.
    package static func isPeer(of socket: borrowing Descriptor, inGroup group: UInt32) -> Bool {
        clinux_peer_is_in_group(socket.raw, group) == 1
    }
}

/// A connected pair of Unix stream sockets: a lifeline.
package struct SocketPair: ~Copyable, Sendable {
    package var ours: Descriptor
    package var theirs: Descriptor

    package init() throws(Errno) {
        var ends: [Int32] = [-1, -1]
        try Errno.check(clinux_socketpair(&ends), "socketpair")
        ours = Descriptor(owning: ends[0])
        theirs = Descriptor(owning: ends[1])
    }
}
