internal import Config

extension DoctorChecks {
    // MARK: The state directory

    static func state(_ facts: DoctorFacts) -> [Finding] {
        guard let state = facts.state else {
            return [
                .problem(
                    "no-state-directory",
                    "The state directory \(facts.stateDirectory) does not exist. A start makes it; if it should be there, a "
                        + "volume is not mounted.",
                    "ls -ld \(facts.stateDirectory)"
                )
            ]
        }
        var found: [Finding] = []
        if facts.surroundings.forgets, !state.isKept {
            let cure =
                switch facts.surroundings {
                case .fly: "fly volumes list   # then [mounts] and OPENCLAW_STATE_DIR in fly.toml, fly deploy"
                case .container, .machine: "docker run -v clawhold:\(facts.stateDirectory) …"
                }
            found.append(
                .problem(
                    "state-not-kept",
                    "The state directory \(facts.stateDirectory) is no mount point: configuration and conversations are gone "
                        + "with this container.",
                    cure
                )
            )
        }
        if state.isReadOnly {
            found.append(
                .problem(
                    "state-read-only",
                    "The state directory \(facts.stateDirectory) cannot be written: the file system is read-only.",
                    "mount -o remount,rw \(facts.stateDirectory)"
                )
            )
        } else if state.freeMegabytes < 32 {
            found.append(
                .problem(
                    "disk-full",
                    "\(state.freeMegabytes) MB are free in \(facts.stateDirectory); no message is taken in without space for it.",
                    "du -xh \(facts.stateDirectory) | sort -h | tail"
                )
            )
        }
        return found + owner(facts, state)
    }

    private static func owner(_ facts: DoctorFacts, _ state: StateDirectoryFacts) -> [Finding] {
        var found: [Finding] = []
        let chown = "chown -R \(state.uid):\(state.gid) \(facts.stateDirectory)"
        if !state.unreadable.isEmpty {
            found.append(
                .problem(
                    "unreadable",
                    "\(state.unreadable.joined(separator: ", ")) cannot be read by uid \(state.uid), who owns "
                        + "\(facts.stateDirectory) and whom the gateway runs as. Files written over SSH as root are root's.",
                    onFly(facts, chown)
                )
            )
        }
        if let uid = facts.running?.uid, uid != 0 {
            if uid != state.uid {
                found.append(
                    .problem(
                        "volume-owner",
                        "The gateway was started as uid \(uid), and \(facts.stateDirectory) belongs to uid \(state.uid).",
                        "chown -R \(uid) \(facts.stateDirectory)"
                    )
                )
            }
            found.append(
                .note(
                    "not-root",
                    "Started as uid \(uid): all workers share that user, and no memory group can be made. Started as root "
                        + "(without --user) the supervisor gives each worker a user of its own and stays root alone."
                )
            )
        } else if state.uid == 0 {
            found.append(
                .warning(
                    "root-owns-state",
                    "\(facts.stateDirectory) belongs to root: gateway and agents run as uid 0 without capabilities instead of "
                        + "an ordinary user.",
                    onFly(facts, "chown -R 1000:1000 \(facts.stateDirectory)")
                )
            )
        }
        if state.mode & 0o007 != 0, state.uid != 0 {
            found.append(
                .note(
                    "open-directory",
                    "\(facts.stateDirectory) can be entered by every user of this machine (mode \(String(state.mode & 0o777, radix: 8))); "
                        + "the files in it are closed.",
                    "chmod 700 \(facts.stateDirectory)"
                )
            )
        }
        return found
    }

    /// A command for whoever reads this over `fly ssh console` or at home.
    private static func onFly(_ facts: DoctorFacts, _ command: String) -> String {
        guard case .fly(let app) = facts.surroundings, facts.uid != 0 else { return command }
        return "fly ssh console -a \(app) -C \"\(command)\""
    }

    // MARK: The configuration

    static func config(_ facts: DoctorFacts) -> [Finding] {
        let config = facts.config
        var found: [Finding] = []
        switch config.state {
        case .accepted: break
        case .missing:
            found.append(
                .note(
                    "no-config",
                    "There is no \(facts.configPath). Channels start by their tokens alone; nobody is let in before a pairing.",
                    "clawhold pairing list"
                )
            )
        case .lastAccepted, .unusable:
            let force =
                config.state == .lastAccepted
                ? "The last accepted one is in force." : "None was ever accepted: no channel runs."
            found.append(
                .problem(
                    "config-unusable",
                    (config.isEmpty
                        ? "\(facts.configPath) is empty, as `tee` leaves it when the connection breaks."
                        : "\(config.error).")
                        + " " + force,
                    "cat \(facts.configPath)",
                    "clawhold reload"
                )
            )
        }
        for problem in config.problems.prefix(20) {
            let place = problem.line > 0 ? "\(facts.configPath) line \(problem.line)" : facts.configPath
            let text = "\(place): \(problem.path.isEmpty ? "" : "\(problem.path): ")\(problem.text)"
            found.append(
                problem.disables.isEmpty
                    ? .warning("config", text + ".")
                    : .problem("config", "\(text). \(problem.disables) is off because of it.", "clawhold reload")
            )
        }
        if config.problems.count > 20 {
            found.append(
                .warning(
                    "config",
                    "\(config.problems.count - 20) further remarks on the configuration.",
                    "clawhold logs -n 100"
                )
            )
        }
        if facts.running?.workers.contains(where: { $0.id == "model:demo" }) == true {
            found.append(
                .note(
                    "demo-model",
                    "No provider has a key: the demonstration model answers in WebChat, and nobody in the channels.",
                    {
                        if case .fly = facts.surroundings {
                            "fly secrets set ANTHROPIC_API_KEY=sk-ant-…"
                        } else {
                            "ANTHROPIC_API_KEY=sk-ant-…"
                        }
                    }()
                )
            )
        }
        for path in facts.otherConfigs {
            found.append(
                .warning(
                    "other-config",
                    "\(path) exists, and nobody reads it: the configuration is \(facts.configPath).",
                    "cp \(path) \(facts.configPath)"
                )
            )
        }
        return found
    }

    // MARK: Left behind

    static func leftOvers(_ facts: DoctorFacts) -> [Finding] {
        var found: [Finding] = []
        for path in facts.staleLocks {
            found.append(
                .note(
                    "stale-lock",
                    "\(path) was left over by a gateway that is gone. It keeps no start from succeeding.",
                    "rm \(path)"
                )
            )
        }
        for path in facts.halfWritten {
            found.append(.note("half-written", "\(path) was left over by a write that was interrupted.", "rm \(path)"))
        }
        return found
    }

    // MARK: OpenClaw beside us

    static func neighbours(_ facts: DoctorFacts) -> [Finding] {
        var found: [Finding] = []
        for unit in facts.enabledUnits {
            let name = unit.split(separator: "/").last.map(String.init) ?? unit
            let isOfUser = unit.contains("/systemd/user/") || unit.contains("/.config/")
            found.append(
                .problem(
                    "openclaw-enabled",
                    "\(unit) starts OpenClaw at the next boot; two gateways then use the same bots.",
                    isOfUser ? "systemctl --user disable --now \(name)" : "systemctl disable --now \(name)"
                )
            )
        }
        for process in facts.otherGateways {
            found.append(
                .problem(
                    "openclaw-runs",
                    "PID \(process.pid) is a gateway of OpenClaw (\(process.command)): it uses the same bots and port.",
                    "openclaw gateway stop",
                    "kill \(process.pid)"
                )
            )
        }
        return found
    }

    // MARK: Memory

    static func memory(_ facts: DoctorFacts) -> [Finding] {
        guard let running = facts.running else { return [] }
        var found: [Finding] = []
        if running.rung == "rlimit" {
            let cure =
                switch facts.surroundings {
                case .fly: "fly machine restart"
                case .container:
                    "docker run --cgroupns=private --privileged …   # or stay: budgets hold, kept less exactly"
                case .machine: "systemctl cat clawhold   # Delegate=cpu memory pids"
                }
            found.append(
                .note(
                    "memory-rung",
                    "No cgroup can be written here: budgets are kept by RLIMIT_DATA and by sampling, not by the kernel's groups.",
                    cure
                )
            )
        }
        if running.totalMegabytes > 0, running.totalMegabytes < 200 {
            found.append(
                .warning(
                    "little-memory",
                    "\(running.totalMegabytes) MB of memory: fewer workers fit than are configured (docs/sizes.md).",
                    {
                        if case .fly = facts.surroundings {
                            "fly machine update --vm-memory 512"
                        } else {
                            "clawhold top"
                        }
                    }()
                )
            )
        }
        return found
    }
}
