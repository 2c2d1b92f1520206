internal import ArgumentParser
internal import IPCControl

/// A worker by name.
struct WorkerArgument: ParsableArguments {
    @Argument(help: "Its id, or a part of it that names one worker only: telegram for channel:telegram:default.")
    var worker: String
}

/// `restart WORKER`.
struct RestartCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "restart",
            abstract: "Drains a worker, starts it anew, waits until it is ready."
        )
    }

    @OptionGroup var target: WorkerArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run("restart", target.worker, common)
    }
}

/// `stop WORKER`.
struct StopCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "stop", abstract: "Drains a worker and keeps it stopped until `start`.")
    }

    @OptionGroup var target: WorkerArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run("stop", target.worker, common)
    }
}

/// `start WORKER`.
struct StartCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "start", abstract: "Starts a worker and waits until it is ready.")
    }

    @OptionGroup var target: WorkerArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run("start", target.worker, common)
    }
}

/// `reset WORKER`.
struct ResetCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "reset",
            abstract: "Forgets a worker's failures and lets it out of back-off or quarantine."
        )
    }

    @OptionGroup var target: WorkerArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        try LifeCycle.run("reset", target.worker, common)
    }
}

/// What the four have in common.
enum LifeCycle {
    static func run(_ command: String, _ name: String, _ common: CommonOptions) throws {
        let found = try common.discovery.find()
        do {
            try found.connection.ask(Block("COMMAND", ["CMD": command, "ID": name]))
        } catch let failure as CommandFailure {
            throw CommandFailure(
                text: "\(failure.text)\nSee the workers:  clawhold ps     Their log:  clawhold logs \(name)"
            )
        }
        let rows = try found.connection.blocks(Block("COMMAND", ["CMD": "ps"])).compactMap(WorkerRow.init)
        let row = rows.first { $0.id == name } ?? rows.first { $0.answers(to: name) }
        if common.json {
            Terminal.say(row?.json ?? "{}")
        } else if let row {
            let process = row.pid > 0 ? ", PID \(row.pid), start \(row.incarnation)" : ""
            Terminal.say("\(row.id) is \(row.state)\(process)")
        }
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
        let found = try common.discovery.find()
        do {
            try found.connection.ask(Block("COMMAND", ["CMD": "replan"]))
        } catch let failure as CommandFailure {
            throw CommandFailure(
                text:
                    "The configuration was not taken over: \(failure.text)\nThe last one stays in force. See:  clawhold logs"
            )
        }
        Terminal.say(
            common.json
                ? #"{"ok":true}"# : "The configuration was read again. See what it says:  clawhold logs --limit 20"
        )
    }
}
