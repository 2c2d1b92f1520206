internal import ArgumentParser
internal import IPCControl

/// `logs [WORKER] [-f]`.
struct LogsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "logs", abstract: "The last lines of the log, of all or of one worker.")
    }

    @Argument(help: "A worker: its id, or a part of it that names one only. All without it.")
    var worker: String?

    @Flag(name: [.short, .long], help: "Goes on with what comes, until Ctrl-C.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "Lines of what was.")
    var limit: Int = 200

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (0...1000).contains(limit) else { throw ValidationError("--limit must be between 0 and 1000") }
    }

    func run() throws {
        var command = Block("COMMAND", ["CMD": "logs", "LINES": String(limit)])
        command["ID"] = worker
        if follow { command["FOLLOW"] = "1" }
        let style = common.style
        let isJSON = common.json
        try common.discovery.connect().ask(command, timeoutSeconds: follow ? nil : 40) { block in
            guard block.type == "LOG" else { return }
            Terminal.say(isJSON ? Self.json(block) : Self.line(block, style))
        }
    }

    static func line(_ block: Block, _ style: Style) -> String {
        let time = style.dim(Words.time(milliseconds: block.integer("AT_MS") ?? 0))
        let text = block["TEXT"] ?? ""
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

/// `events [-f]`.
struct EventsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "events",
            abstract: "What happened to workers: starts, deaths and their causes."
        )
    }

    @Flag(name: [.short, .long], help: "Goes on with what comes, until Ctrl-C.")
    var follow = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        var command = Block("COMMAND", ["CMD": "events"])
        if follow { command["FOLLOW"] = "1" }
        let style = common.style
        let isJSON = common.json
        try common.discovery.connect().ask(command, timeoutSeconds: follow ? nil : 40) { block in
            guard block.type == "EVENT" else { return }
            Terminal.say(isJSON ? Self.json(block) : Self.line(block, style))
        }
    }

    static func line(_ block: Block, _ style: Style) -> String {
        let time = style.dim(Words.time(milliseconds: block.integer("AT_MS") ?? 0))
        let worker = block["ID"].map { "\($0)#\(block["INCARNATION"] ?? "0") " } ?? ""
        return "\(time) \(worker)\(block["TEXT"] ?? "")"
    }

    static func json(_ block: Block) -> String {
        JSONText.object([
            ("time", .string(Words.time(milliseconds: block.integer("AT_MS") ?? 0))),
            ("worker", block["ID"].map(JSONText.Value.string) ?? .null),
            ("incarnation", .integer(block.integer("INCARNATION") ?? 0)),
            ("text", .string(block["TEXT"] ?? "")),
        ])
    }
}
