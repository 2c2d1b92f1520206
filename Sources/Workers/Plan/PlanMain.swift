internal import CLinux
internal import Config
internal import Glibc
internal import IPCControl

/// The role `plan`: reads flags, environment and files, writes the plan to descriptor 3, exits.
///
/// `arguments` is the supervisor's whole command line. Returns the exit code: 0, or that of a refusal whose words went to standard error.
/// Synchronous and without threads, so that what it gives up below holds for all of it.
package func runPlan(arguments: [String]) -> Int32 {
    do {
        let plan = try PlanRun(arguments: arguments).plan()
        var bytes: [UInt8] = []
        for block in plan.blocks { bytes += try block.encoded() }
        guard Output.write(bytes, to: 3) else {
            Output.complain("the plan could not be handed over: \(Output.lastError())")
            return 1
        }
        return 0
    } catch let refusal as PlanRefusal {
        Output.complain(refusal.text)
        return refusal.code
    } catch {
        Output.complain("Gateway failed to start: the plan cannot be written: \(error)")
        return 1
    }
}

/// One run of the plan on this machine.
private struct PlanRun {
    let arguments: [String]

    func plan() throws(PlanRefusal) -> Plan {
        let flags = try GatewayFlags.parse(arguments)
        // Asks the kernel through a netlink socket, which is not to be had later.
        let tailnetAddress = NumericHost.tailnetAddress()
        let files = DiskFiles()
        let directory = Self.currentDirectory()
        var environment = Environment(Self.processEnvironment())
        let isRoot = geteuid() == 0
        // Root parses no file: its state directory is what the process's own environment says.
        if !isRoot { Self.addDotEnv(to: &environment, directory, files) }
        func resolve() -> StatePaths {
            StatePaths.resolve(
                environment: environment,
                profile: flags.profile,
                userHome: Self.userHome(),
                currentDirectory: directory,
                files: files
            )
        }
        let paths = resolve()
        try StateDirectory.prepare(paths.stateDirectory)
        var notices: [String] = []
        if isRoot {
            try StateDirectory.becomeOwner(of: paths.stateDirectory)
            Self.addDotEnv(to: &environment, directory, files)
            if resolve().stateDirectory != paths.stateDirectory {
                notices.append(
                    "the state directory that \(directory)/.env names is not used: set OPENCLAW_STATE_DIR in the environment"
                )
            }
        }
        Self.giveUp(writing: paths.stateDirectory)
        if let forgetful = Self.forgetful(paths.stateDirectory, environment, files) { notices.append(forgetful) }
        var input = PlanInput(arguments: arguments, paths: paths, environment: environment)
        input.tailnetAddress = tailnetAddress
        input.notices = notices
        var plan = try Planner.plan(input, files: files)
        let failures = AcceptedFiles.keep(plan.accepted, in: paths.acceptedDirectory)
        let warnings = failures.map { Block("NOTICE", ["LEVEL": "warn", "TEXT": $0]) }
        plan.blocks.insert(contentsOf: warnings, at: plan.blocks.count - 1)
        return plan
    }

    /// A state directory that a container forgets, in words.
    private static func forgetful(_ directory: String, _ environment: Environment, _ files: DiskFiles) -> String? {
        guard case .bytes(let mounts) = files.read(MountTable.path, limit: MountTable.limit) else { return nil }
        let surroundings = Surroundings.detect(environment: environment, files: files)
        return StateDirectory.forgetful(directory, surroundings, MountTable(mounts))
    }

    /// Hostile files may own this process; then it has no network to talk to. What the kernel cannot do is left out.
    ///
    /// It may read what its user may, since the configuration can stand and include anywhere, write beneath the state
    /// directory, and execute nothing.
    private static func giveUp(writing stateDirectory: String) {
        umask(0o077)
        _ = clinux_set_no_new_privileges()
        _ = clinux_set_not_dumpable()
        _ = clinux_set_no_core()
        "/".withCString { root in
            stateDirectory.withCString { state in
                let rules = [
                    clinux_landlock_path(path: root, writable: false, executable: false),
                    clinux_landlock_path(path: state, writable: true, executable: false),
                ]
                _ = clinux_landlock_restrict(rules, rules.count)
            }
        }
        _ = clinux_seccomp_no_network()
    }

    private static func addDotEnv(to environment: inout Environment, _ directory: String, _ files: DiskFiles) {
        guard case .bytes(let bytes) = files.read(directory + "/.env", limit: DotEnv.limit) else { return }
        environment.add(DotEnv.parse(bytes), replacingBlank: false)
    }

    private static func currentDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    private static func userHome() -> String {
        guard let entry = getpwuid(getuid()), let home = entry.pointee.pw_dir else { return "" }
        return String(cString: home)
    }

    private static func processEnvironment() -> [String: String] {
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
}
