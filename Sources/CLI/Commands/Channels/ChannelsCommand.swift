internal import ArgumentParser
internal import IPCControl
internal import Runtime

/// `channels`: the connections to chat networks.
struct ChannelsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "channels",
            abstract: "The chat networks: who is connected as what, what is wrong, whom nobody answers.",
            discussion: """
                clawhold channels                        all of them
                clawhold channels status --probe         the same, and each network is asked whether it still works
                clawhold channels restart telegram:work  one account; without :work all of telegram's

                Exit codes: 0 done or shown (status also when nothing runs), 1 it failed, 2 typed wrongly.
                """,
            subcommands: [
                ChannelsStatus.self, ChannelsList.self, ChannelsOrder<StartChannel>.self,
                ChannelsOrder<StopChannel>.self,
                ChannelsOrder<RestartChannel>.self, ChannelsLogs.self, WhyCommand.self,
            ],
            defaultSubcommand: ChannelsStatus.self
        )
    }
}

/// A channel, positional or as OpenClaw spells it.
struct ChannelArgument: ParsableArguments {
    @Argument(help: "A network (telegram) or one account of it (telegram:work). All without it.")
    var name: String?

    @Option(help: ArgumentHelp("The same as the argument; `all` is understood.", valueName: "channel"))
    var channel: String?

    @Option(help: ArgumentHelp("An account of the channel.", valueName: "id"))
    var account: String?

    func validate() throws {
        if name != nil, channel != nil { throw ValidationError("Name the channel once, with or without --channel") }
        if account != nil, wanted == nil { throw ValidationError("--account needs the channel it belongs to") }
    }

    /// nil: all.
    var wanted: String? {
        guard let given = name ?? channel, given != "all" else { return nil }
        return account.map { "\(given):\($0)" } ?? given
    }

    /// Only these members of `params`: what the RPC calls them.
    var params: JSONObject {
        var params = JSONObject()
        if let wanted {
            let name = ChannelName(wanted)
            params["channel"] = .string(name.channel)
            params["accountId"] = name.account.map(JSON.string)
        }
        return params
    }
}

/// `channels status`.
struct ChannelsStatus: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "status",
            abstract: "State, name, last message in and out, warnings, and who is ignored."
        )
    }

    @OptionGroup var target: ChannelArgument

    @Flag(help: "Asks every network now whether token and connection still work.")
    var probe = false

    @Option(help: ArgumentHelp("How long the probes may take together, in milliseconds (10000).", valueName: "ms"))
    var timeout: Int = 10_000

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1000...30_000).contains(timeout) else {
            throw ValidationError("--timeout must be between 1000 and 30000 milliseconds")
        }
    }

    func run() throws {
        let answer: JSON
        do {
            var gateway = try common.discovery.gateway()
            gateway.limit = .milliseconds(timeout + 10_000)
            answer = try gateway.call(
                "channels.status",
                ["probe": .bool(probe), "timeoutMs": .integer(Int64(timeout))],
                repeats: true
            )
        } catch let missing as Discovery.NotRunning {
            let text = common.json ? #"{"running":false}"# : "Gateway not reachable: \(missing.text)"
            return Terminal.say(text)
        }
        let accounts = ChannelAccount.all(in: answer)
        let chosen = try ChannelAccount.choose(target.wanted, among: accounts)
        guard !common.json else { return Terminal.say(answer.text) }
        let width = TerminalSize.now()?.columns
        Terminal.say(ChannelPage.status(chosen, now: Terminal.now(), style: common.style, width: width))
    }
}

/// `channels list`.
struct ChannelsList: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "The accounts that are configured, a line each.")
    }

    @Flag(help: "Understood for OpenClaw's sake; usage is not shown here anyway.")
    var noUsage = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        let answer = try common.discovery.gateway().call("channels.status", repeats: true)
        let accounts = ChannelAccount.all(in: answer)
        guard !common.json else { return Terminal.say(ChannelPage.listJSON(accounts)) }
        Terminal.say(ChannelPage.list(accounts))
    }
}

/// What `channels start` and its like do.
protocol ChannelAction {
    static var action: LifeCycle.Action { get }
    static var abstract: String { get }
}

enum StartChannel: ChannelAction {
    static let action = LifeCycle.Action.start
    static let abstract = "Starts a channel and waits until it is ready."
}

enum StopChannel: ChannelAction {
    static let action = LifeCycle.Action.stop
    static let abstract = "Drains a channel and keeps it stopped until `start`."
}

enum RestartChannel: ChannelAction {
    static let action = LifeCycle.Action.restart
    static let abstract = "Drains a channel and connects it anew."
}

/// `channels start`, `stop`, `restart`: the supervisor's, over its own socket, so that they work when the gateway does not.
struct ChannelsOrder<Kind: ChannelAction>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Kind.action.rawValue, abstract: Kind.abstract)
    }

    @OptionGroup var target: ChannelArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        guard target.wanted != nil || target.name == "all" || target.channel == "all" else {
            throw CommandFailure(
                text: "Name the channel, or `all`:  clawhold channels \(Kind.action.rawValue) telegram",
                code: 2
            )
        }
        let connection = try common.discovery.connect()
        let rows = try WorkerRow.all(on: connection)
        try LifeCycle.run(Kind.action, ChannelChoice.workers(target.wanted, among: rows), connection, common)
    }
}

/// `channels logs`.
struct ChannelsLogs: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "logs", abstract: "The last lines of the channels' logs.")
    }

    @OptionGroup var target: ChannelArgument

    @Flag(name: [.short, .long], help: "Goes on with what comes, until Ctrl-C.")
    var follow = false

    @Option(name: [.customShort("n"), .customLong("lines")], help: "Lines of what was (200).")
    var lines: Int = 200

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (0...LogsCommand.limit).contains(lines) else {
            throw ValidationError("--lines must be between 0 and \(LogsCommand.limit)")
        }
    }

    func run() throws {
        let connection = try common.discovery.connect()
        let chosen = try ChannelChoice.workers(target.wanted, among: WorkerRow.all(on: connection)).map(\.id)
        // The supervisor filters by one worker or by none.
        var command = Block("COMMAND", ["CMD": "logs", "LINES": String(chosen.count == 1 ? lines : LogsCommand.limit)])
        if chosen.count == 1 { command["ID"] = chosen[0] }
        if follow { command["FOLLOW"] = "1" }
        let (style, isJSON) = (common.style, common.json)
        var kept: [String] = []
        try connection.ask(command, timeoutSeconds: follow ? nil : 40) { block in
            guard block.type == "LOG", chosen.contains(block["ID"] ?? "") else { return }
            let text = isJSON ? LogsCommand.json(block) : LogsCommand.line(block, style)
            if follow { Terminal.say(text) } else { kept.append(text) }
        }
        for text in kept.suffix(lines) { Terminal.say(text) }
    }
}
