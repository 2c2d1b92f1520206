internal import Glibc
internal import IPCControl

/// What the supervisor holds on the machine from a successful start until its end: lock, sockets, budgets.
final class Site {
    let stateDirectory: String
    let directory: RuntimeDirectory
    let ladder: MemoryLadder
    let control: ListeningSocket
    /// The gateway's, in the order of its descriptors from 4 on.
    let listeners: [Listener]
    var identities: WorkerIdentity
    /// Users that may use the control socket.
    let admins: Set<UInt32>
    /// The group that may use it too, when the service's environment says so.
    let adminGroup: UInt32?
    private let lock: DirectoryLock
    /// Descriptors of the lock, on loan.
    var lockDescriptors: (directory: Int32, file: Int32) { lock.descriptors }

    /// A listener under the name that the gateway knows it by.
    final class Listener {
        let name: String
        let socket: ListeningSocket
        /// The name under which the service manager handed it to us; nil for one that we bound.
        let adoptedAs: String?
        var fd: Int32 { socket.fd }

        init(_ name: String, _ socket: consuming ListeningSocket, adoptedAs: String? = nil) {
            self.name = name
            self.socket = socket
            self.adoptedAs = adoptedAs
        }
    }

    /// Why there is none, with the exit code that says so.
    struct Failure: Error {
        var text: String
        var exitCode: Int32
    }

    /// Takes everything, or nothing: what was taken is given back by leaving scope.
    init(_ plan: Plan, environment: Environment, inherited: InheritedListeners?) throws(Failure) {
        stateDirectory = plan.settings.stateDirectory
        try Self.makeDirectory(stateDirectory)
        do {
            lock = try DirectoryLock(stateDirectory: stateDirectory, configPath: plan.settings.configPath)
        } catch {
            let isHeld = if case .held = error { true } else { false }
            throw Failure(text: "\(error)", exitCode: isHeld ? DirectoryLock.exitCode : 1)
        }
        var listeners = try Self.bind(plan.listeners, inherited)
        do {
            directory = try RuntimeDirectory.make(stateDirectory: stateDirectory) { environment[$0] }
            identities = try WorkerIdentity(stateDirectory: stateDirectory)
            let owner = try Self.owner(of: stateDirectory)
            listeners.append(Listener("hub", try .unix(path: directory.hubSocket, mode: 0o666)))
            let user = geteuid() == 0 ? owner : nil
            listeners.append(Listener("rpc", try .unix(path: directory.rpcSocket, mode: 0o600, owner: user)))
            let opensToGroup = environment["CLAWHOLD_CONTROL"] == "group" && owner.gid != 0
            control = try .unix(
                path: directory.controlSocket,
                mode: opensToGroup ? 0o660 : 0o600,
                owner: opensToGroup ? ProcessIdentity(uid: geteuid(), gid: owner.gid) : nil
            )
            if opensToGroup { try directory.letList(group: owner.gid) }
            admins = [0, geteuid(), owner.uid]
            adminGroup = Self.group(ofSocket: directory.controlSocket)
        } catch {
            throw Failure(text: "no place for the sockets: \(error)", exitCode: 1)
        }
        directory.removeDeadNeighbours()
        self.listeners = listeners
        ladder = MemoryLadder(hash: PathHash.hash8(stateDirectory))
    }

    /// Goes on with what another image of this process holds.
    init(adopting state: UpgradeState) throws(Errno) {
        let held = state.site
        stateDirectory = state.plan.settings.stateDirectory
        lock = DirectoryLock(adopting: held.lock, file: held.lockFile)
        directory = RuntimeDirectory(path: held.runtimeDirectory)
        control = ListeningSocket(
            descriptor: Descriptor(owning: held.control),
            port: 0,
            address: directory.controlSocket
        )
        listeners = state.listeners.map { listener in
            let descriptor = Descriptor(owning: listener.fd)
            return Listener(
                listener.name,
                ListeningSocket(descriptor: descriptor, port: listener.port, address: listener.address)
            )
        }
        ladder = MemoryLadder(
            hash: PathHash.hash8(stateDirectory),
            layout: held.layout,
            keeping: Set(
                state.processes.map { MemoryLadder.directoryName(worker: $0.id.rawValue, incarnation: $0.incarnation) }
            )
        )
        identities = try WorkerIdentity(stateDirectory: stateDirectory)
        identities.adopt(held.users)
        admins = [0, geteuid(), try Self.owner(of: stateDirectory).uid]
        adminGroup = Self.group(ofSocket: directory.controlSocket)
    }

    /// The group that a socket's file lets connect; nil when it lets none.
    private static func group(ofSocket path: String) -> UInt32? {
        var facts = stat()
        guard lstat(path, &facts) == 0, facts.st_mode & 0o060 == 0o060 else { return nil }
        return facts.st_gid
    }

    private static func owner(of directory: String) throws(Errno) -> ProcessIdentity {
        var facts = stat()
        try Errno.retrying("stat", directory) { stat(directory, &facts) }
        return ProcessIdentity(uid: facts.st_uid, gid: facts.st_gid)
    }

    /// The port that clients use.
    var port: UInt16 { listeners.first { $0.socket.port != 0 }?.socket.port ?? 0 }

    private static func bind(
        _ planned: [Plan.Listener],
        _ inherited: InheritedListeners?
    ) throws(Failure) -> [Listener] {
        var listeners: [Listener] = []
        for listener in planned {
            // Port 0 means one port for all addresses, whichever the kernel gives for the first.
            let port = listener.port == 0 ? listeners.first?.socket.port ?? 0 : listener.port
            if let adopted = inherited?.take(name: listener.name, host: listener.host, port: port) {
                listeners.append(Listener(listener.name, adopted.socket, adoptedAs: adopted.name))
                continue
            }
            do {
                listeners.append(Listener(listener.name, try .tcp(host: listener.host, port: port)))
            } catch .refused(let error)
                where listener.host == "::1" && !listeners.isEmpty
                && (error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL)
            {
                // No IPv6 here: the first loopback is enough.
                continue
            } catch {
                let isTaken = if case .inUse = error { true } else { false }
                throw Failure(text: "\(error)", exitCode: isTaken ? DirectoryLock.exitCode : 1)
            }
        }
        return listeners
    }

    private static func makeDirectory(_ path: String) throws(Failure) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, 0o700) == 0 || errno == EEXIST { continue }
            let error = Errno(errno, "mkdir", made)
            // A directory above that we may not even write into can still lead to one that exists.
            guard access(path, F_OK) == 0 else {
                throw Failure(
                    text: "the state directory cannot be made: \(error)\nMake it, or set OPENCLAW_STATE_DIR.",
                    exitCode: 1
                )
            }
        }
    }
}
