internal import ArgumentParser
internal import IPCControl

/// `ps`: the workers.
struct PsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "ps",
            abstract: "The workers: state, memory against budget, restarts, last death, next try.",
            discussion: """
                USED, PEAK, SOFT, HARD are megabytes. MEMORY: # used, + peak, | soft limit, the end is the hard limit.
                RST: unasked restarts. FOR: how long in this state.

                Exit codes: 0 shown, 1 nothing runs or it does not answer, 2 typed wrongly.
                """
        )
    }

    @OptionGroup var common: CommonOptions

    func run() throws {
        let rows = try WorkerRow.all(on: common.discovery.connect())
        guard !common.json else { return Terminal.say(JSONText.array(rows.map(\.json))) }
        let width = TerminalSize.now()?.columns
        let lines = WorkerTable.lines(rows, now: Terminal.now(), style: common.style, width: width)
        Terminal.say(lines.joined(separator: "\n"))
    }
}

extension WorkerRow {
    /// All workers, as the supervisor sorts them.
    static func all(on connection: ControlConnection) throws -> [WorkerRow] {
        try connection.blocks(Block("COMMAND", ["CMD": "ps"])).compactMap(WorkerRow.init)
    }
}
