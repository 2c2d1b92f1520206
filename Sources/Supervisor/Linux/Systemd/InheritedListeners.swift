internal import CLinux
internal import Glibc

/// Listening sockets that the service manager opened for us, or kept over a restart: LISTEN_FDS (sd_listen_fds(3)).
///
/// Owns them until they are taken; what is not taken is closed.
package final class InheritedListeners {
    /// More than that are closed unseen.
    static let limit = 64
    package static let firstDescriptor: Int32 = 3
    /// In front of the names under which we have our own sockets kept: such a socket is a copy of an earlier plan,
    /// while any other name was written by the operator.
    static let keptPrefix = "kept-"

    private struct Entry {
        var fd: Int32
        var name: String
        var address: [UInt8]
        var port: UInt16
        var isV6Only: Bool
    }

    private var entries: [Entry] = []
    /// Names of what is no use to anybody, for the log and for the store.
    package private(set) var refused: [String] = []

    /// What was handed to this process, nil when nothing was.
    ///
    /// Call it before any other descriptor is opened, and once.
    ///
    /// - Parameters:
    ///   - pid: of this process: the variables are inherited also by programs that they are not meant for.
    ///   - first: the number of the first; SD_LISTEN_FDS_START.
    ///   - environment: looked up for LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
    package init?(
        pid: Int32 = getpid(),
        first: Int32 = InheritedListeners.firstDescriptor,
        environment: (String) -> String?
    ) {
        guard environment("LISTEN_PID").flatMap({ Int32($0) }) == pid,
            let count = environment("LISTEN_FDS").flatMap({ Int32($0) }), count > 0
        else { return nil }
        let names = (environment("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        // A number that is larger than what can be open is nonsense; nothing of it is touched.
        guard count <= 65_536 else { return nil }
        for index in 0..<count {
            let fd = first + index
            let name = Int(index) < names.count ? String(names[Int(index)].prefix(255)) : "unknown"
            guard index < Self.limit, let entry = Self.entry(fd, name) else {
                close(fd)
                if index < Self.limit { refused.append(name) }
                continue
            }
            entries.append(entry)
        }
    }

    deinit {
        for entry in entries { close(entry.fd) }
    }

    private static func entry(_ fd: Int32, _ name: String) -> Entry? {
        var facts = clinux_listener()
        guard clinux_listener_facts(fd, &facts) == 0, fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 else { return nil }
        let flags = fcntl(fd, F_GETFL)
        guard flags >= 0, fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 else { return nil }
        let address = withUnsafeBytes(of: facts.address) { Array($0.prefix(facts.length)) }
        return Entry(fd: fd, name: name, address: address, port: facts.port, isV6Only: facts.v6_only)
    }

    /// The name under which a listener of the plan is kept.
    package static func keptName(_ name: String, port: UInt16) -> String { "\(keptPrefix)\(name)-\(port)" }

    /// A socket taken over, and the name that it came under.
    package struct Adopted: ~Copyable {
        package var socket: ListeningSocket
        package var name: String
    }

    /// The socket that serves a listener of the plan.
    ///
    /// Its address has to be the plan's: a plan for loopback may do without a token, which a socket that everybody
    /// reaches would make public. The port has to be the plan's too, unless the operator gave the socket the listener's
    /// name (`FileDescriptorName=http`): then the socket unit decides.
    package func take(name: String, host: String, port: UInt16) -> Adopted? {
        let found =
            entries.firstIndex { $0.port == port && Self.serves($0, host) }
            ?? entries.firstIndex { $0.name == name && Self.serves($0, host) }
            ?? entries.firstIndex {
                port == 0 && $0.name.hasPrefix("\(Self.keptPrefix)\(name)-") && Self.serves($0, host)
            }
        guard let found else { return nil }
        let entry = entries.remove(at: found)
        let address = entry.address.count == 4 && host == "::" ? "0.0.0.0" : host
        let socket = ListeningSocket(descriptor: Descriptor(owning: entry.fd), port: entry.port, address: address)
        return Adopted(socket: socket, name: entry.name)
    }

    /// Closes what nobody took, and names it all.
    package func closeRest() -> [String] {
        for entry in entries {
            close(entry.fd)
            refused.append(entry.name)
        }
        entries = []
        defer { refused = [] }
        return refused
    }

    private static func serves(_ entry: Entry, _ host: String) -> Bool {
        guard let wanted = IPAddress(host) else { return false }
        // `::` stands for both families, and for IPv4 alone on a machine without IPv6.
        if host == "::" {
            return entry.address == IPAddress.v4Any.bytes || entry.address == wanted.bytes && !entry.isV6Only
        }
        return entry.address == wanted.bytes
    }
}
