internal import ArgumentParser

/// A command that does one thing to the workers that it names.
protocol LifeCycleCommand: ParsableCommand {
    static var action: LifeCycle.Action { get }
    var target: WorkerArguments { get }
    var common: CommonOptions { get }
}

extension LifeCycleCommand {
    /// - Parameter all: what `all` means.
    fileprivate static func configuration(_ abstract: String, _ all: String) -> CommandConfiguration {
        CommandConfiguration(
            commandName: action.rawValue,
            abstract: abstract,
            discussion: "`all`: \(all)\n\(LifeCycle.exitCodes)"
        )
    }

    func run() throws {
        try LifeCycle.run(Self.action, target.workers, common)
    }
}

/// `restart WORKER…`.
struct RestartCommand: LifeCycleCommand {
    static var action: LifeCycle.Action { .restart }
    static var configuration: CommandConfiguration {
        configuration(
            "Drains workers, starts them anew, waits until they are ready.",
            "every worker that runs, the gateway last."
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions
}

/// `stop WORKER…`.
struct StopCommand: LifeCycleCommand {
    static var action: LifeCycle.Action { .stop }
    static var configuration: CommandConfiguration {
        configuration(
            "Drains workers and keeps them stopped until `start`.",
            "every worker but the gateway. To end everything:  clawhold gateway stop"
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions
}

/// `start WORKER…`.
struct StartCommand: LifeCycleCommand {
    static var action: LifeCycle.Action { .start }
    static var configuration: CommandConfiguration {
        configuration(
            "Starts workers, also quarantined and parked ones, and waits until they are ready.",
            "every worker that does not run, except agents and models that nobody needs at the moment."
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions
}

/// `reset WORKER…`.
struct ResetCommand: LifeCycleCommand {
    static var action: LifeCycle.Action { .reset }
    static var configuration: CommandConfiguration {
        configuration(
            "Forgets workers' failures and lets them out of back-off, quarantine or parking.",
            "every worker in one of these states."
        )
    }

    @OptionGroup var target: WorkerArguments
    @OptionGroup var common: CommonOptions
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
