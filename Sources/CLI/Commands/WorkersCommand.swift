internal import ArgumentParser
internal import Glibc
internal import IPCControl

/// `ps`: the workers.
struct WorkersCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "ps",
            abstract: "The workers: state, memory against budget, restarts, last cause of death."
        )
    }

    @OptionGroup var common: CommonOptions

    func run() throws {
        let connection = try common.discovery.connect()
        let rows = try connection.blocks(Block("COMMAND", ["CMD": "ps"])).compactMap(WorkerRow.init)
        if common.json {
            Terminal.say(JSONText.array(rows.map(\.json)))
        } else {
            Terminal.say(WorkerTable.lines(rows, now: Terminal.now(), style: common.style).joined(separator: "\n"))
        }
    }
}

/// `top`: the same, again and again.
struct TopCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "top",
            abstract: "The workers, refreshed until Ctrl-C; once when the output is no terminal."
        )
    }

    @OptionGroup var common: CommonOptions

    @Option(name: .shortAndLong, help: "Seconds between two looks.")
    var interval: Double = 2

    func validate() throws {
        guard (0.1...3600).contains(interval) else {
            throw ValidationError("--interval must be between 0.1 and 3600 seconds")
        }
    }

    func run() throws {
        let isLive = isatty(1) == 1 && !common.json
        let discovery = common.discovery
        repeat {
            // Found anew each time: the supervisor may have been replaced meanwhile.
            let found = try discovery.find()
            let rows = try found.connection.blocks(Block("COMMAND", ["CMD": "ps"])).compactMap(WorkerRow.init)
                .sorted { ($0.memoryKB, $1.id) > ($1.memoryKB, $0.id) }
            if common.json {
                Terminal.say(JSONText.array(rows.map(\.json)))
            } else {
                let page = StatusPage.page(found.status, rows, now: Terminal.now(), style: common.style)
                // Home, each line cleared to its end, the rest of the screen cleared: no flicker.
                Terminal.write(
                    isLive
                        ? "\u{1B}[H" + page.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J"
                        : page.joined(separator: "\n") + "\n",
                    to: 1
                )
            }
            if isLive { usleep(UInt32(interval * 1_000_000)) }
        } while isLive
    }
}
