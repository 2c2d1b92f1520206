internal import ArgumentParser
internal import Config
internal import IPCControl

/// `clawhold`, and `openclaw`, which is the same program.
struct ClawholdCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "clawhold",
            abstract: "The OpenClaw gateway in watertight compartments.",
            discussion: """
                clawhold gateway --allow-unconfigured    starts the gateway (all of OpenClaw's flags)
                clawhold status                          says how it is, and what to type about what is not well
                clawhold top                             the same live
                clawhold logs -f                         what it says

                Exit codes: 0 done or shown (status also when nothing runs), 1 it failed or nothing runs, 2 typed wrongly.
                """,
            version: "Clawhold \(Build.version)",
            subcommands: [
                StatusCommand.self, PsCommand.self, TopCommand.self, LogsCommand.self, EventsCommand.self,
                HealthCommand.self, DoctorCommand.self,
                RestartCommand.self, StopCommand.self, StartCommand.self, ResetCommand.self, ReloadCommand.self,
                UpgradeCommand.self,
                ChannelsCommand.self, VoiceCallCommand.self, TunnelCommand.self, ModelsCommand.self, UsageCommand.self,
                WhyCommand.self,
                PairingCommand.self,
                QueueCommand.self, CallCommand.self,
                GatewayCommand.self, ConfigCommand.self, VersionCommand.self,
            ],
            defaultSubcommand: nil
        )
    }

    func run() throws {
        throw CleanExit.helpRequest(Self.self)
    }
}

/// Which gateway, and in which form the answer is wanted.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The state directory of the gateway that is meant.", valueName: "dir"))
    var stateDir: String?

    @Option(help: ArgumentHelp("The profile of the gateway that is meant (~/.openclaw-NAME).", valueName: "name"))
    var profile: String?

    @Flag(help: "The same as --profile dev.")
    var dev = false

    @Flag(help: "No colours.")
    var noColor = false

    @Flag(help: "JSON on standard output, nothing else.")
    var json = false

    func validate() throws {
        if dev, profile != nil { throw ValidationError("Cannot combine --dev with --profile") }
    }

    var discovery: Discovery {
        Discovery(stateDirectory: stateDir, profile: dev ? "dev" : profile)
    }

    var style: Style {
        json ? .plain : Style.detect(environment: Environment(Discovery.processEnvironment()), noColor: noColor)
    }
}

/// `version`.
struct VersionCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "version", abstract: "Prints the version.")
    }

    func run() throws {
        Terminal.say("Clawhold \(Build.version)")
    }
}
