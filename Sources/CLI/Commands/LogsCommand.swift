internal import ArgumentParser
internal import IPCControl

/// `logs [WORKER] [-f] [-n N] [--since TIME]`.
struct LogsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "logs",
            abstract: "The last lines of the log, of all or of one worker.",
            discussion: """
                The supervisor keeps the last 64 KiB of each worker; what is older is where its standard output went.
                With --json one object a line.

                Exit codes: 0 shown, 1 nothing runs or it does not answer, 2 typed wrongly.
                """
        )
    }

    /// The supervisor gives no more.
    static let limit = 1000

    @Argument(help: "A worker: its id, or a part of it that names one only; `supervisor`. All without it.")
    var worker: String?

    @Flag(name: [.short, .long], help: "Goes on with what comes, until Ctrl-C.")
    var follow = false

    @Option(name: [.customShort("n"), .customLong("lines"), .customLong("limit")], help: "Lines of what was (200).")
    var lines: Int?

    @Option(help: ArgumentHelp("Only what is newer: 90s, 15m, 3h, 2d, 14:05, 2026-11-22T14:05.", valueName: "time"))
    var since: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let lines, !(0...Self.limit).contains(lines) {
            throw ValidationError("--lines must be between 0 and \(Self.limit)")
        }
        if let since, Since.parse(since, now: Terminal.now()) == nil {
            throw ValidationError("--since takes 90s, 15m, 3h, 2d, 14:05 or 2026-11-22T14:05, not \"\(since)\"")
        }
    }

    func run() throws {
        let connection = try common.discovery.connect()
        let isSupervisor = worker == "supervisor"
        let wanted = lines ?? (since == nil ? 200 : Self.limit)
        // Of the supervisor's own lines the count is taken here.
        let asked = isSupervisor && wanted > 0 ? Self.limit : wanted
        var command = Block("COMMAND", ["CMD": "logs", "LINES": String(asked)])
        if let worker, !isSupervisor {
            command["ID"] = try WorkerChoice.one(worker, among: WorkerRow.all(on: connection)).id
        }
        if let earliest = since.flatMap({ Since.parse($0, now: Terminal.now()) }) {
            command["SINCE_MS"] = String(earliest)
        }
        if follow { command["FOLLOW"] = "1" }
        let (style, isJSON) = (common.style, common.json)
        var kept: [String] = []
        try connection.ask(command, timeoutSeconds: follow ? nil : 40) { block in
            guard block.type == "LOG", !isSupervisor || block["ID"] == "supervisor" else { return }
            let text = isJSON ? Self.json(block) : Self.line(block, style)
            if isSupervisor, !follow { kept.append(text) } else { Terminal.say(text) }
        }
        for text in kept.suffix(wanted) { Terminal.say(text) }
    }

    static func line(_ block: Block, _ style: Style) -> String {
        let time = style.dim(Words.time(milliseconds: block.integer("AT_MS") ?? 0))
        let text = Words.plain(block["TEXT"] ?? "")
        return switch block["LEVEL"] {
        case "error": "\(time) \(style.bad(text))"
        case "warning": "\(time) \(style.careful(text))"
        default: "\(time) \(text)"
        }
    }

    static func json(_ block: Block) -> String {
        JSONText.object([
            ("type", .string("log")),
            ("time", .string(Words.time(milliseconds: block.integer("AT_MS") ?? 0))),
            ("level", .string(block["LEVEL"] ?? "info")),
            ("worker", .string(block["ID"] ?? "")),
            ("incarnation", .integer(block.integer("INCARNATION") ?? 0)),
            ("message", .string(block["TEXT"] ?? "")),
        ])
    }
}
