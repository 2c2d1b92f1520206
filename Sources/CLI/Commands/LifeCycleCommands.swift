internal import ArgumentParser

/// `restart WORKER…`.
struct RestartCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "restart",
            abstract: "Drains workers, starts them anew, waits until they are ready.",
            discussion: "`all`: every worker that runs, the gateway last.\n\(LifeCycle.exitCodes)"
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run(.restart, target.workers, common)
    }
}

/// `stop WORKER…`.
struct StopCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "stop",
            abstract: "Drains workers and keeps them stopped until `start`.",
            discussion: """
                `all`: every worker but the gateway. To end everything:  clawhold gateway stop
                \(LifeCycle.exitCodes)
                """
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run(.stop, target.workers, common)
    }
}

/// `start WORKER…`.
struct StartCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "start",
            abstract: "Starts workers, also quarantined and parked ones, and waits until they are ready.",
            discussion: """
                `all`: every worker that does not run, except agents and models that nobody needs at the moment.
                \(LifeCycle.exitCodes)
                """
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run(.start, target.workers, common)
    }
}

/// `reset WORKER…`.
struct ResetCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "reset",
            abstract: "Forgets workers' failures and lets them out of back-off, quarantine or parking.",
            discussion: "`all`: every worker in one of these states.\n\(LifeCycle.exitCodes)"
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run(.reset, target.workers, common)
    }
}

/// `reload`.
struct ReloadCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "reload",
            abstract: "Reads the configuration again; exactly the workers whose part changed are restarted."
        )
    }

    @OptionGroup var common: CommonOptions

    func run() throws {
        do {
            try Replan.ask(common.discovery)
        } catch let failure as CommandFailure {
            throw CommandFailure(
                text:
                    "The configuration was not taken over: \(failure.text)\nThe last one stays in force. See:  clawhold logs"
            )
        }
        Terminal.say(
            common.json
                ? #"{"ok":true}"# : "The configuration was read again. See what it says:  clawhold logs -n 20"
        )
    }
}
