internal import ArgumentParser
internal import Runtime

/// `usage`: what the models cost, by day and model.
struct UsageCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "usage",
            abstract: "What the models cost: a bar for each day, by model, and today's limits.",
            discussion: """
                clawhold usage               the last seven days
                clawhold usage --days 30     the last thirty

                Counted from the ledger, one row for each attempt at a provider; a price that nobody knows is shown as ?.
                """
        )
    }

    @Option(name: [.customShort("n"), .customLong("days")], help: "How many days, today among them (7; 400 at most).")
    var days = 7

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...400).contains(days) else { throw ValidationError("--days must be between 1 and 400") }
    }

    func run() throws {
        let answer = try common.discovery.gateway().call("usage.report", ["days": .integer(Int64(days))], repeats: true)
        guard !common.json else { return Terminal.say(answer.text) }
        Terminal.say(UsagePage.text(answer, style: common.style, width: TerminalSize.now()?.columns))
    }
}
