internal import CLinux
internal import Glibc

/// Where sockets live: a directory of this start's state directory, outside of it since volumes may not do sockets and
/// their paths are long.
package struct RuntimeDirectory: Hashable, Sendable {
    package let path: String

    /// Workers connect to it, under their own users: the directory can be entered by all, the socket lets everybody
    /// connect, and the first frame has to prove who it is.
    package var hubSocket: String { "\(path)/hub.sock" }
    /// 0600: the command line of the supervisor's user.
    package var controlSocket: String { "\(path)/control.sock" }
    /// The gateway's RPC for the command line.
    package var rpcSocket: String { "\(path)/rpc.sock" }

    /// Makes `<base>/<hash8>`: `/run/clawhold` as root, `$XDG_RUNTIME_DIR/clawhold`, else `/tmp/clawhold-<uid>`. A base
    /// that cannot be used, or does not belong to us, is passed over.
    ///
    /// - Parameter environment: of the supervisor, `NAME=value` looked up.
    package static func make(
        stateDirectory: String,
        uid: UInt32 = geteuid(),
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
    ) throws(Errno) -> RuntimeDirectory {
        var failure = Errno(ENOENT, "mkdir", "/run/clawhold")
        for base in bases(uid: uid, environment: environment) {
            do {
                return try make(base: base, hash: PathHash.hash8(stateDirectory), uid: uid)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    static func bases(uid: UInt32, environment: (String) -> String?) -> [String] {
        var bases: [String] = []
        if uid == 0 { bases.append("/run/clawhold") }
        // The longest socket name is control.sock, after a hash of eight.
        if let runtime = environment("XDG_RUNTIME_DIR"), runtime.hasPrefix("/"), uid != 0,
            runtime.utf8.count + "/clawhold/01234567/control.sock".utf8.count <= ListeningSocket.longestPath
        {
            bases.append("\(runtime)/clawhold")
        }
        bases.append("/tmp/clawhold-\(uid)")
        return bases
    }

    static func make(base: String, hash: String, uid: UInt32) throws(Errno) -> RuntimeDirectory {
        try ownDirectory(base, uid: uid)
        let path = "\(base)/\(hash)"
        try ownDirectory(path, uid: uid)
        return RuntimeDirectory(path: path)
    }

    /// Makes the directory, or checks that the one that exists is ours: in /tmp anybody can be there first, and who owns
    /// the directory owns the sockets.
    private static func ownDirectory(_ path: String, uid: UInt32) throws(Errno) {
        do {
            try Errno.retrying("mkdir", path) { mkdir(path, 0o711) }
        } catch  where error.code == EEXIST {}
        // By descriptor, so that what is checked is what is changed; a link is refused.
        let directory = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        let raw = directory.raw
        var facts = stat()
        try Errno.retrying("stat", path) { fstat(raw, &facts) }
        guard facts.st_uid == uid else { throw Errno(EPERM, "use (it belongs to uid \(facts.st_uid))", path) }
        // Nobody else may have been able to write: what is in it could be theirs.
        if facts.st_mode & 0o022 != 0 { throw Errno(EPERM, "use (others can write to it)", path) }
        if facts.st_mode & 0o777 != 0o711 { try Errno.retrying("chmod", path) { fchmod(raw, 0o711) } }
    }

    /// Removes the sockets of supervisors that were killed before they could: whoever looks for gateways would ask each of
    /// them for ever. Only directories beside ours, which are ours as well.
    ///
    /// - Parameter wallSeconds: since 1970.
    package func removeDeadNeighbours(wallSeconds: Int = time(nil)) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let base = path[..<slash]
        for name in SystemFile.names(in: String(base)) where PathHash.isHash8(name) {
            let other = RuntimeDirectory(path: "\(base)/\(name)")
            if other.path != path, other.isDead(wallSeconds) { other.removeSockets() }
        }
    }

    /// Nobody listens on its control socket, and has not just bound it to listen next.
    private func isDead(_ wallSeconds: Int) -> Bool {
        var facts = stat()
        guard lstat(controlSocket, &facts) == 0, facts.st_mode & S_IFMT == S_IFSOCK,
            wallSeconds - facts.st_mtim.tv_sec >= Self.oldAfterSeconds
        else { return false }
        let socket = Descriptor(owning: clinux_unix_socket())
        return clinux_connect_unix(socket.raw, controlSocket) == -ECONNREFUSED
    }

    /// Far longer than it is from bind to listen.
    private static let oldAfterSeconds = 60

    /// Lets the members of a group list the directories of all gateways here, which is how their command line finds ours.
    package func letList(group: UInt32) throws(Errno) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let base = String(path[..<slash])
        try Errno.retrying("chown", base) { lchown(base, geteuid(), group) }
        try Errno.retrying("chmod", base) { chmod(base, 0o751) }
    }

    /// Removes our sockets and, when nothing else is in it, the directory; for the supervisor's own end.
    package func removeSockets() {
        for socket in [hubSocket, controlSocket, rpcSocket] { _ = unlink(socket) }
        _ = rmdir(path)
    }
}

/// `<state>/gateway.runtime.json`: how the command line finds a running supervisor, as any user.
package struct RuntimePointer: Hashable, Sendable {
    package var pid: Int32
    package var port: UInt16
    package var controlSocket: String
    package var rpcSocket: String
    package var version: String

    package init(pid: Int32, port: UInt16, controlSocket: String, rpcSocket: String, version: String) {
        self.pid = pid
        self.port = port
        self.controlSocket = controlSocket
        self.rpcSocket = rpcSocket
        self.version = version
    }

    package static func path(in stateDirectory: String) -> String {
        "\(stateDirectory)/gateway.runtime.json"
    }

    package var json: String {
        let fields = [
            "\"pid\":\(pid)",
            "\"port\":\(port)",
            "\"controlSocket\":\(JSONText.quoted(controlSocket))",
            "\"rpcSocket\":\(JSONText.quoted(rpcSocket))",
            "\"version\":\(JSONText.quoted(version))",
        ]
        return "{\(fields.joined(separator: ","))}\n"
    }

    /// Writes it, readable by all: it holds no secret.
    package func write(to stateDirectory: String) throws(Errno) {
        try SystemFile.replace(Self.path(in: stateDirectory), with: json, mode: 0o644)
    }

    /// Takes it away at the supervisor's end.
    package static func remove(from stateDirectory: String) {
        _ = unlink(path(in: stateDirectory))
    }
}
