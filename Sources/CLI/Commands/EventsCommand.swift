internal import ArgumentParser
internal import IPCControl

/// `events [WORKER] [-f] [-n N]`.
struct EventsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "events",
            abstract: "What happened to workers: starts, deaths and their causes, who did what about it.",
            discussion: """
                The supervisor keeps the last 200. With --json one object a line.

                Exit codes: 0 shown, 1 nothing runs or it does not answer, 2 typed wrongly.
                """
        )
    }

    @Argument(help: "A worker: its id, or a part of it that names one only. All without it.")
    var worker: String?

    @Flag(name: [.short, .long], help: "Goes on with what comes, until Ctrl-C.")
    var follow = false

    @Option(name: [.customShort("n"), .customLong("lines")], help: "Events of what was, 200 at most.")
    var lines: Int = 200

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (0...200).contains(lines) else { throw ValidationError("--lines must be between 0 and 200") }
    }

    func run() throws {
        let connection = try common.discovery.connect()
        var command = Block("COMMAND", ["CMD": "events", "LINES": String(lines)])
        if let worker { command["ID"] = try WorkerChoice.one(worker, among: WorkerRow.all(on: connection)).id }
        if follow { command["FOLLOW"] = "1" }
        let (style, isJSON) = (common.style, common.json)
        try connection.ask(command, timeoutSeconds: follow ? nil : 40) { block in
            guard block.type == "EVENT" else { return }
            Terminal.say(isJSON ? Self.json(block) : Self.line(block, style))
        }
    }

    /// `2026-11-22T14:17:03.120Z channel:telegram:default#3 died: killed by SIGKILL; restart 1 at once`.
    static func line(_ block: Block, _ style: Style) -> String {
        let time = style.dim(Words.time(milliseconds: block.integer("AT_MS") ?? 0))
        return "\(time) \(words(block, style))"
    }

    /// The worker, its incarnation and what happened, coloured by what that means.
    static func words(_ block: Block, _ style: Style) -> String {
        var text = Words.plain(block["TEXT"] ?? "")
        guard let id = block["ID"].map(Words.plain) else { return text }
        if text.hasPrefix("\(id) ") { text = String(text.dropFirst(id.count + 1)) }
        return "\(style.bold(id))#\(Words.plain(block["INCARNATION"] ?? "0")) \(paint(text, style))"
    }

    private static func paint(_ text: String, _ style: Style) -> String {
        if text.hasPrefix("is ready") { return style.good(text) }
        if ["quarantined", "is parked", "parked (", "out of memory"].contains(where: text.contains) {
            return style.bad(text)
        }
        return text.hasPrefix("died") ? style.careful(text) : text
    }

    static func json(_ block: Block) -> String {
        JSONText.object([
            ("type", .string("event")),
            ("time", .string(Words.time(milliseconds: block.integer("AT_MS") ?? 0))),
            ("worker", block["ID"].map(JSONText.Value.string) ?? .null),
            ("incarnation", .integer(block.integer("INCARNATION") ?? 0)),
            ("text", .string(block["TEXT"] ?? "")),
        ])
    }
}
