package import Config
package import IPCControl

/// Everything the plan depends on.
package struct PlanInput: Sendable {
    /// The supervisor's whole command line.
    package var arguments: [String]
    package var paths: StatePaths
    /// The process's variables, and `.env` of the working directory.
    package var environment: Environment
    /// This machine's address in a Tailscale network.
    package var tailnetAddress: String?
    /// Said at the start, before anything else.
    package var notices: [String] = []

    package init(arguments: [String], paths: StatePaths, environment: Environment) {
        self.arguments = arguments
        self.paths = paths
        self.environment = environment
    }
}

/// A finished plan.
package struct Plan: Sendable {
    /// In order, END last.
    package var blocks: [Block]
    /// What is to be kept as last accepted, by file name.
    package var accepted: [String: [UInt8]]
}

/// From files, flags and environment to the supervisor's plan: a pure function of its input and the files.
package enum Planner {
    /// Throws `PlanRefusal` with the words for standard error.
    package static func plan(_ input: PlanInput, files: some FileReading) throws(PlanRefusal) -> Plan {
        let flags = try GatewayFlags.parse(input.arguments)
        let loaded = ConfigLoader.load(paths: input.paths, environment: input.environment, files: files)
        var config = loaded.config
        try ConfigGate.check(flags: flags, config: config)
        let port = self.port(flags: flags, config: config)
        let bind = try BindChoice.resolve(flags: flags, config: &config, tailnetAddress: input.tailnetAddress)
        let secret = try GatewaySecret.resolve(flags: flags, config: &config, bind: bind)
        let fleet = Fleet(config: config, port: port, files: files)
        guard let gateway = fleet.gateway(port: port, bind: bind, secret: secret) else {
            throw PlanRefusal(
                code: 78,
                text:
                    "Gateway failed to start: the configuration is larger than the \(Fleet.sliceLimit) bytes that the gateway can take.\n"
                    + "Shorten the lists in \(input.paths.configPath) (agents, bindings, access lists), then start again."
            )
        }

        var settings = Block(
            "SETTINGS",
            ["STATE_DIR": input.paths.stateDirectory, "CONFIG_PATH": input.paths.configPath]
        )
        settings["PORT"] = String(port)
        settings["BIND"] = bind.mode.rawValue
        settings["VERSION"] = Build.version
        settings["BIND_TEXT"] = bind.text
        MemoryAmount.reserve(fleet.config).write("RESERVE", to: &settings)
        settings["LOG_FORMAT"] = flags.logFormat
        var blocks = [settings, Block("LISTEN", ["NAME": "http", "HOST": bind.host, "PORT": String(port)])]
        let killPoints = KillPointList(input.environment.values[KillPoints.variable])
        for var draft in [gateway] + fleet.drafts {
            draft.killPoints = killPoints.points(of: draft.id.rawValue)
            blocks += draft.blocks()
        }
        let notices = Notices.all(fleet.config, flags: flags, other: input.notices, fleet: fleet.notices)
        blocks += notices.map { Block("NOTICE", ["LEVEL": $0.level, "TEXT": $0.text]) }
        blocks.append(Block("END"))
        return Plan(blocks: blocks, accepted: loaded.accepted)
    }

    /// Flag, environment, file, 18789 (19001 for the profile `dev`).
    private static func port(flags: GatewayFlags, config: LoadedConfig) -> Int {
        flags.port
            ?? config.environment.branded("GATEWAY_PORT").flatMap(PortNumber.parse)
            ?? config.value(["gateway", "port"])?.integer
            ?? (flags.profile == "dev" ? 19001 : 18789)
    }
}

/// Whether the configuration allows a start at all.
enum ConfigGate {
    static func check(flags: GatewayFlags, config: LoadedConfig) throws(PlanRefusal) {
        if flags.strictConfig { try strict(config) }
        guard !flags.allowUnconfigured else { return }
        switch config.state {
        case .missing:
            throw PlanRefusal(
                code: 1,
                text: "Missing config. Run `openclaw setup` or set gateway.mode=local (or pass --allow-unconfigured)."
            )
        // Whatever the mode was, it stands in the file that cannot be read: the port stays open, no channel runs.
        case .unusable: return
        case .accepted, .lastAccepted:
            let mode = config.value(["gateway", "mode"])?.string
            guard mode != "local" else { return }
            throw PlanRefusal(
                code: 1,
                text:
                    "Gateway start blocked: set gateway.mode=local (current: \(mode ?? "unset")) or pass --allow-unconfigured."
            )
        }
    }

    private static func strict(_ config: LoadedConfig) throws(PlanRefusal) {
        var lines = config.problems.map { "  - \($0.path.isEmpty ? "<root>" : $0.path): \($0.text)" }
        if !config.error.isEmpty { lines.insert("  - <root>: \(config.error)", at: 0) }
        guard !lines.isEmpty else { return }
        throw PlanRefusal(
            code: 78,
            text: (["Config invalid", "File: \(config.paths.configPath)", "Problem:"] + lines
                + ["", "Correct the file, or start without --strict-config."]).joined(separator: "\n")
        )
    }
}
