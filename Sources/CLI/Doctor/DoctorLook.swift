internal import Config
internal import Glibc
internal import IPCControl

/// Gathers what `doctor` judges. Reads files, `/proc` and the gateway's sockets; changes nothing, and whatever cannot be read is left out.
struct DoctorLook {
    private let discovery: Discovery
    private let files = DiskFiles()
    /// Entries of a directory that are looked at.
    private static let entryLimit = 10_000
    private static let processLimit = 20_000

    init(_ discovery: Discovery) {
        self.discovery = discovery
    }

    func facts() -> DoctorFacts {
        var facts = DoctorFacts()
        facts.uid = geteuid()
        facts.state = nil
        var environment = discovery.environment
        facts.surroundings = Surroundings.detect(environment: environment, files: files)
        facts.hasUnit = ["/etc", "/usr/lib", "/lib"].contains { files.exists("\($0)/systemd/system/clawhold.service") }
        var paths = discovery.paths
        do {
            let found = try discovery.find()
            facts.running = running(found)
            if let state = found.status["STATE_DIR"], let config = found.status["CONFIG_PATH"] {
                (paths.stateDirectory, paths.configPath) = (state, config)
            }
        } catch let failure as CommandFailure {
            facts.unanswered = failure.text
        } catch {
            // Nothing runs. The service's own place is meant where it is installed and nobody named another.
            if facts.hasUnit, !discovery.isExplicit, files.isDirectory("/var/lib/clawhold") {
                paths = StatePaths(
                    stateDirectory: "/var/lib/clawhold",
                    configPath: "/var/lib/clawhold/openclaw.json",
                    home: paths.home
                )
                if case .bytes(let bytes) = files.read("/etc/clawhold.env", limit: DotEnv.limit) {
                    environment.add(DotEnv.parse(bytes), replacingBlank: true)
                }
            }
        }
        facts.stateDirectory = paths.stateDirectory
        facts.configPath = paths.configPath
        facts.state = state(paths)
        facts.config = config(paths, environment)
        let entries = Self.entries(of: paths.stateDirectory)
        facts.halfWritten = entries.filter { $0.hasSuffix(".tmp") }.map { "\(paths.stateDirectory)/\($0)" }
        let locks = entries.filter { $0.hasPrefix("gateway.") && $0.hasSuffix(".lock") }
        facts.staleLocks = locks.map { "\(paths.stateDirectory)/\($0)" }.filter(isStale)
        facts.otherConfigs = otherConfigs(paths)
        let home = Self.home(of: facts.state?.uid ?? facts.uid)
        facts.enabledUnits = enabledUnits(homes: [home, paths.home])
        facts.otherGateways = otherGateways()
        return facts
    }

    // MARK: What runs

    private func running(_ found: Discovery.Found) -> RunningFacts {
        var facts = RunningFacts()
        let status = found.status
        facts.pid = status.integer("PID") ?? 0
        facts.uid = Self.owner(of: "/proc/\(facts.pid)")
        facts.version = status["VERSION"] ?? ""
        facts.port = status.integer("PORT") ?? 0
        facts.bind = status["BIND"] ?? ""
        facts.rung = status["MEMORY_RUNG"] ?? ""
        facts.totalMegabytes = (status.integer("MEMORY_KB") ?? 0) / 1024
        facts.isHealthy = HTTPProbe.status(of: "/healthz", socket: found.rpcSocket) == 200
        facts.listening = ListenTable.addresses(
            port: facts.port,
            ipv4: text("/proc/net/tcp"),
            ipv6: text("/proc/net/tcp6")
        )
        facts.workers = ((try? WorkerRow.all(on: found.connection)) ?? []).map(\.plain)
        let call = GatewayCall(socket: found.rpcSocket, patience: .seconds(2), limit: .seconds(3))
        let accounts = (try? call.call("channels.status", repeats: true)).map(ChannelAccount.all) ?? []
        for account in accounts where account.state != "connected" && account.state != "disabled" {
            let error = account.text("lastError")
            if !error.isEmpty { facts.channels.append(.init(name: Words.plain(account.name.short), text: error)) }
        }
        return facts
    }

    // MARK: Files

    private func state(_ paths: StatePaths) -> StateDirectoryFacts? {
        var status = stat()
        guard stat(paths.stateDirectory, &status) == 0 else { return nil }
        var facts = StateDirectoryFacts()
        (facts.uid, facts.gid, facts.mode) = (status.st_uid, status.st_gid, status.st_mode & 0o7777)
        if case .bytes(let mounts) = files.read(MountTable.path, limit: MountTable.limit) {
            facts.isKept = MountTable(mounts).keeps(paths.stateDirectory)
        }
        var disk = statvfs()
        if statvfs(paths.stateDirectory, &disk) == 0 {
            facts.isReadOnly = disk.f_flag & UInt(ST_RDONLY) != 0
            facts.freeMegabytes =
                UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize)).partialValue >> 20
        }
        let needed = [
            paths.configPath, paths.ownConfigPath, "\(paths.stateDirectory)/.env", "\(paths.stateDirectory)/agents",
        ]
        facts.unreadable = needed.filter { path in
            var status = stat()
            guard stat(path, &status) == 0, facts.uid != 0 else { return false }
            return !Self.canRead(status, uid: facts.uid, gid: facts.gid)
        }
        return facts
    }

    /// By the mode's bits; lists of access beyond them are not asked.
    static func canRead(_ status: stat, uid: UInt32, gid: UInt32) -> Bool {
        if status.st_uid == uid { return status.st_mode & 0o400 != 0 }
        if status.st_gid == gid { return status.st_mode & 0o040 != 0 }
        return status.st_mode & 0o004 != 0
    }

    private func config(_ paths: StatePaths, _ environment: Environment) -> ConfigFacts {
        let config = ConfigLoader.load(paths: paths, environment: environment, files: files).config
        var facts = ConfigFacts()
        facts.state = config.state
        facts.error = config.error
        if case .bytes(let bytes) = files.read(paths.configPath, limit: 1 << 24) { facts.isEmpty = bytes.isEmpty }
        facts.problems = config.problems
        facts.mode = config.value(["gateway", "mode"])?.string
        facts.bind =
            config.environment.branded("GATEWAY_BIND") ?? config.value(["gateway", "bind"])?.string ?? "loopback"
        let secrets: [ConfigPath] = [["gateway", "auth", "token"], ["gateway", "auth", "password"]]
        facts.hasSecret =
            secrets.contains { config.value($0)?.string?.isEmpty == false }
            || config.environment.branded("GATEWAY_TOKEN") != nil
            || config.environment.branded("GATEWAY_PASSWORD") != nil
        facts.allowedOrigins = config.controlUI().allowedOrigins
        return facts
    }

    private func otherConfigs(_ paths: StatePaths) -> [String] {
        let places = [
            "\(paths.stateDirectory)/.openclaw/openclaw.json", "\(paths.stateDirectory)/.clawdbot/clawdbot.json",
            "\(paths.stateDirectory)/clawdbot.json", "\(paths.home)/.openclaw/openclaw.json",
            "\(paths.home)/.clawdbot/clawdbot.json",
        ]
        return places.filter { $0 != paths.configPath && files.exists($0) }
    }

    /// Nobody has the process that a lock file names.
    private func isStale(_ path: String) -> Bool {
        guard let value = try? JSON5Parser.parse([UInt8](text(path).utf8)), let pid = value["pid"]?.integer else {
            return false
        }
        return access("/proc/\(pid)", F_OK) != 0
    }

    // MARK: OpenClaw

    /// Links in the folders that systemd starts from.
    private func enabledUnits(homes: [String]) -> [String] {
        var roots = ["/etc/systemd/system/multi-user.target.wants", "/etc/systemd/user/default.target.wants"]
        for home in Set(homes + ["/root"]).sorted() where !home.isEmpty {
            roots.append("\(home)/.config/systemd/user/default.target.wants")
        }
        return roots.flatMap { root in
            Self.entries(of: root).filter(Self.isOpenClawUnit).sorted().map { "\(root)/\($0)" }
        }
    }

    static func isOpenClawUnit(_ name: String) -> Bool {
        name.hasSuffix(".service") && ["openclaw", "clawdbot", "moltbot", "moldbot"].contains { name.hasPrefix($0) }
    }

    private func otherGateways() -> [DoctorFacts.ForeignProcess] {
        Self.entries(of: "/proc", limit: Self.processLimit).compactMap { name in
            guard let pid = Int32(name), pid != getpid(),
                case .bytes(let bytes) = files.read("/proc/\(name)/cmdline", limit: 64 * 1024)
            else { return nil }
            let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            guard Self.isOpenClawGateway(words) else { return nil }
            return DoctorFacts.ForeignProcess(
                pid: pid,
                command: Words.plain(String(words.joined(separator: " ").prefix(80)))
            )
        }
    }

    /// Node with one of OpenClaw's scripts as its gateway, or the title that it gives itself. Never our own executable, which is
    /// called openclaw as well.
    static func isOpenClawGateway(_ words: [String]) -> Bool {
        guard let first = words.first else { return false }
        if words.count == 1, first.hasPrefix("openclaw-gateway") || first.hasPrefix("clawdbot-gateway") { return true }
        guard first.split(separator: "/").last.map({ $0 == "node" || $0 == "bun" }) == true else { return false }
        let scripts = [
            "dist/index.js", "dist/entry.js", "openclaw.mjs", "clawdbot.mjs", "bin/openclaw", "bin/clawdbot",
        ]
        return words.contains("gateway")
            && words.contains { word in scripts.contains { word == $0 || word.hasSuffix("/\($0)") } }
    }

    // MARK: Small things

    private func text(_ path: String) -> String {
        guard case .bytes(let bytes) = files.read(path, limit: 1 << 22) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func owner(of path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_uid : nil
    }

    private static func home(of uid: UInt32) -> String {
        guard let entry = getpwuid(uid), let home = entry.pointee.pw_dir else { return "" }
        return String(cString: home)
    }

    private static func entries(of directory: String, limit: Int = entryLimit) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while names.count < limit, let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// The kernel's table of sockets, `/proc/net/tcp` and `/proc/net/tcp6`.
enum ListenTable {
    /// The addresses on which `port` is listened on: `0.0.0.0`, `127.0.0.1`, `::`, `::1`, others in the kernel's hexadecimal.
    static func addresses(port: Int64, ipv4: String, ipv6: String) -> [String] {
        var found: [String] = []
        for line in (ipv4 + "\n" + ipv6).split(separator: "\n") {
            let fields = line.split(separator: " ")
            // 0A: LISTEN.
            guard fields.count > 3, fields[3] == "0A" else { continue }
            let local = fields[1].split(separator: ":")
            guard local.count == 2, Int64(local[1], radix: 16) == port else { continue }
            let address = name(String(local[0]))
            if !found.contains(address) { found.append(address) }
        }
        return found
    }

    private static func name(_ address: String) -> String {
        switch address {
        case "00000000": "0.0.0.0"
        case "0100007F": "127.0.0.1"
        case String(repeating: "0", count: 32): "::"
        case String(repeating: "0", count: 24) + "01000000": "::1"
        default: address
        }
    }
}
