internal import Config
internal import Glibc
internal import IPCControl

/// Finds the supervisor that a command is meant for, without any flag where only one can be meant.
struct Discovery {
    /// What was said about the place: `--state-dir`, `--profile`.
    var stateDirectory: String?
    var profile: String?
    var environment = Environment(Self.processEnvironment())
    var files: any FileReading = DiskFiles()
    /// Directories with one directory per running gateway.
    var roots: [String] = []

    init(stateDirectory: String? = nil, profile: String? = nil) {
        self.stateDirectory = stateDirectory
        self.profile = profile
        roots = ["/run/clawhold"]
        if let runtime = environment["XDG_RUNTIME_DIR"] { roots.append("\(runtime)/clawhold") }
        roots.append("/tmp/clawhold-\(geteuid())")
        if geteuid() == 0 {
            // Root may command every user's gateway.
            roots += Self.children(of: "/tmp", where: Self.isUsersDirectory).map { "/tmp/\($0)" }
            roots += Self.children(of: "/run/user").map { "/run/user/\($0)/clawhold" }
        }
    }

    /// Directories that are looked into; each costs a failed connect when its gateway is gone.
    static let socketLimit = 4096

    /// A supervisor that answers.
    struct Found {
        var connection: ControlConnection
        var socket: String
        /// Its answer to `status`.
        var status: Block

        /// The gateway's socket, which lies beside the supervisor's.
        var rpcSocket: String {
            socket.hasSuffix("control.sock") ? socket.dropLast(12) + "rpc.sock" : ""
        }
    }

    /// Where state and configuration are for this command line, running or not.
    var paths: StatePaths {
        var environment = environment
        if let stateDirectory {
            environment = Environment(environment.values.merging(["OPENCLAW_STATE_DIR": stateDirectory]) { $1 })
        }
        return StatePaths.resolve(
            environment: environment,
            profile: profile,
            userHome: Self.userHome(),
            currentDirectory: Self.currentDirectory(),
            files: AnyFiles(files)
        )
    }

    /// Whether somebody said which state directory is meant.
    var isExplicit: Bool {
        stateDirectory != nil || profile != nil || environment.branded("STATE_DIR") != nil
    }

    /// Connects. Throws what to type when there is none, or several.
    func connect() throws -> ControlConnection {
        let found = try find()
        return try Self.open(found.socket)
    }

    /// The gateway that is meant. Beside the supervisor's own user the owner of the state directory may call it, who may
    /// not be let in by the supervisor: the pointer in that directory is enough.
    func gateway() throws -> GatewayCall {
        if let socket = pointer("rpcSocket", paths.stateDirectory), UnixStream.isServed(socket) {
            return GatewayCall(socket: socket)
        }
        return GatewayCall(socket: try find().rpcSocket)
    }

    /// The supervisor that is meant, with its status.
    func find() throws -> Found {
        let paths = paths
        if let socket = pointer("controlSocket", paths.stateDirectory), let found = try probe(socket) { return found }
        var candidates: [Found] = []
        var silent: [String] = []
        for socket in try sockets(in: roots) {
            do {
                if let found = try probe(socket) { candidates.append(found) }
            } catch is CommandFailure {
                // Somebody is there and does not say who: it may be the one that is meant.
                silent.append(socket)
            }
        }
        if isExplicit { candidates = candidates.filter { $0.status["STATE_DIR"] == paths.stateDirectory } }
        if candidates.count == 1, isExplicit || silent.isEmpty { return candidates[0] }
        if candidates.isEmpty, silent.isEmpty { throw NotRunning(stateDirectory: paths.stateDirectory) }
        let lines =
            candidates.map { "  --state-dir \($0.status["STATE_DIR"] ?? "?")   (PID \($0.status["PID"] ?? "?"))" }
            + silent.map { "  one that does not answer this user, on \($0)" }
        throw CommandFailure(
            text: "It is not clear which gateway is meant. Say it with --state-dir; these run here:\n"
                + lines.joined(separator: "\n"),
            code: 2
        )
    }

    /// Every control socket below these directories, live or left over.
    ///
    /// All of them or an error: a search that was cut short would take the first gateway it met for the only one, and stop it.
    private func sockets(in roots: [String]) throws -> [String] {
        var sockets: [String] = []
        for root in Set(roots).sorted() {
            let children = Self.children(of: root).sorted()
            sockets += children.map { "\(root)/\($0)/control.sock" }
        }
        guard sockets.count <= Self.socketLimit else {
            throw CommandFailure(
                text: "More than \(Self.socketLimit) directories of gateways are in "
                    + "\(roots.prefix(3).joined(separator: ", "))\(roots.count > 3 ? " and other places" : ""). "
                    + "Say which gateway is meant with --state-dir DIR.",
                code: 2
            )
        }
        return sockets
    }

    /// Nothing runs where it was looked for.
    struct NotRunning: Error {
        var stateDirectory: String

        var text: String {
            "No gateway is running for \(stateDirectory).\n"
                + "Start it with:  clawhold gateway --allow-unconfigured\n"
                + "If it runs with another state directory, name it:  --state-dir DIR"
        }
    }

    /// A member of what the supervisor leaves in its state directory.
    private func pointer(_ member: String, _ stateDirectory: String) -> String? {
        guard case .bytes(let bytes) = files.read("\(stateDirectory)/gateway.runtime.json", limit: 64 * 1024),
            let value = try? JSON5Parser.parse(bytes)
        else { return nil }
        return value[member]?.string
    }

    /// Nil when nobody answers there; throws when somebody does who must not be asked by this user.
    private func probe(_ socket: String) throws -> Found? {
        do {
            let connection = try ControlConnection(path: socket)
            guard let status = try connection.blocks(Block("COMMAND", ["CMD": "status"])).first else { return nil }
            return Found(connection: connection, socket: socket, status: status)
        } catch ControlConnection.Refused.gone {
            return nil
        } catch ControlConnection.Refused.other {
            // Not the name of a socket, or no socket: nobody answers there.
            return nil
        } catch ControlConnection.Refused.forbidden {
            throw CommandFailure(
                text:
                    "The gateway's control socket \(socket) belongs to another user. Type the same with sudo, or as that user."
            )
        }
    }

    private static func open(_ socket: String) throws -> ControlConnection {
        do {
            return try ControlConnection(path: socket)
        } catch {
            throw CommandFailure(
                text: "The gateway that answered on \(socket) is gone again. Look with: clawhold status"
            )
        }
    }

    /// `clawhold-1000`, what a supervisor without a better place makes for its user, and nothing else that is in /tmp.
    static func isUsersDirectory(_ name: String) -> Bool {
        guard name.hasPrefix("clawhold-") else { return false }
        let digits = name.dropFirst(9)
        return (1...10).contains(digits.count) && digits.allSatisfy { ("0"..."9").contains($0) }
    }

    private static func children(of directory: String, where isMeant: (String) -> Bool = { _ in true }) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while names.count <= Self.socketLimit, let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix("."), isMeant(name) { names.append(name) }
        }
        return names
    }

    static func processEnvironment() -> [String: String] {
        var values: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let variable = String(cString: text)
            if let equals = variable.firstIndex(of: "=") {
                values[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
            }
            entry += 1
        }
        return values
    }

    private static func userHome() -> String {
        guard let entry = getpwuid(getuid()), let home = entry.pointee.pw_dir else { return "" }
        return String(cString: home)
    }

    static func currentDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}

/// Files of whatever kind.
private struct AnyFiles: FileReading {
    let base: any FileReading

    init(_ base: any FileReading) {
        self.base = base
    }

    func read(_ path: String, limit: Int) -> FileContent { base.read(path, limit: limit) }
    func isDirectory(_ path: String) -> Bool { base.isDirectory(path) }
}
