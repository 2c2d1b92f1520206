internal import ArgumentParser
internal import Glibc
internal import IPCControl

/// `gateway …` beside `gateway` and `gateway run` themselves, which never come here: they are the supervisor.
struct GatewayCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "gateway",
            abstract: "Starts the gateway (without a further word); status, stop, restart, health of a running one.",
            subcommands: [Status.self, Stop.self, Restart.self, Health.self, CallCommand.self]
        )
    }

    func run() throws {
        throw CleanExit.helpRequest(Self.self)
    }

    /// `gateway status`.
    struct Status: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "The same as `clawhold status`.")
        }
        @OptionGroup var common: CommonOptions

        func run() throws {
            try StatusPage.show(common)
        }
    }

    /// `gateway health`.
    struct Health: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "The same as `clawhold health`.")
        }
        @OptionGroup var common: CommonOptions

        func run() throws {
            try HealthCheck.show(common)
        }
    }

    /// `gateway stop`.
    struct Stop: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Drains everything and ends the supervisor.")
        }
        @OptionGroup var common: CommonOptions

        func run() throws {
            let found = try common.discovery.find()
            try found.connection.ask(Block("COMMAND", ["CMD": "shutdown"]))
            // Its socket goes with its end, four seconds from now at the latest.
            for _ in 0..<200 {
                guard UnixStream.isServed(found.socket) else {
                    let name = "\(found.status["STATE_DIR"] ?? "?") (PID \(found.status["PID"] ?? "?"))"
                    let json = #"{"ok":true,"action":"stop","result":"stopped"}"#
                    Terminal.say(common.json ? json : "The gateway of \(name) has stopped.")
                    return
                }
                usleep(50_000)
            }
            throw CommandFailure(text: "The gateway is still running after ten seconds. See:  clawhold logs")
        }
    }

    /// `gateway restart`.
    struct Restart: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract:
                    "Reads the configuration again and restarts the gateway's process; connections wait, the port stays open."
            )
        }
        @OptionGroup var common: CommonOptions

        func run() throws {
            let found = try common.discovery.find()
            try found.connection.ask(Block("COMMAND", ["CMD": "replan"]))
            try LifeCycle.run(.restart, ["gateway"], common)
        }
    }
}
