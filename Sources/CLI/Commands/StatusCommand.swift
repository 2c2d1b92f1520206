internal import ArgumentParser
internal import Config
internal import IPCControl
internal import Runtime

/// `status`: how the gateway is, on one page. Exit code 0 also when nothing runs, as in OpenClaw.
struct StatusCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "status",
            abstract: "How the gateway and its workers are, on one page, and what to type about what is not well.",
            discussion: "Exit codes: 0 shown, also when nothing runs; 1 it does not answer; 2 typed wrongly."
        )
    }

    @OptionGroup var common: CommonOptions

    func run() throws {
        try StatusPage.show(common)
    }
}

/// What `status` and `gateway status` print.
enum StatusPage {
    static func show(_ common: CommonOptions) throws {
        let found: Discovery.Found
        do {
            found = try common.discovery.find()
        } catch let missing as Discovery.NotRunning {
            if common.json {
                let members: [(String, JSONText.Value)] = [
                    ("running", .bool(false)), ("stateDir", .string(missing.stateDirectory)), ("workers", .raw("[]")),
                ]
                Terminal.say(JSONText.object(members))
            } else {
                Terminal.say(missing.text)
            }
            return
        }
        let rows = try WorkerRow.all(on: found.connection)
        // For comfort: a gateway that is down is what the rest of the page is about.
        let call = GatewayCall(socket: found.rpcSocket, patience: .seconds(2), limit: .seconds(3))
        let channels = try? call.call("channels.status", repeats: true)
        guard !common.json else {
            return Terminal.say(json(found.status, rows, channels: channels, now: Terminal.now()))
        }
        let width = TerminalSize.now()?.columns
        let accounts = channels.map(ChannelAccount.all) ?? []
        let page = page(found.status, rows, accounts, now: Terminal.now(), style: common.style, width: width)
        Terminal.say(page.joined(separator: "\n"))
    }

    static func page(
        _ status: Block,
        _ rows: [WorkerRow],
        _ channels: [ChannelAccount] = [],
        now: Int64,
        style: Style,
        width: Int? = nil
    ) -> [String] {
        let summary = Summary(status, rows)
        var lines = [
            style.bold("Clawhold \(Words.plain(status["VERSION"] ?? Build.version))") + "  "
                + summary.paint(headline(summary), style),
            "",
        ]
        for (name, text) in facts(status, summary) {
            let wrapped = Words.wrapped(Words.plain(text), width: width ?? .max, indent: 13)
            lines += wrapped.enumerated().map { index, line in
                index == 0 ? "  " + Words.padded(name, 11) + line.dropFirst(13) : line
            }
        }
        lines += [""] + WorkerTable.lines(rows, now: now, style: style, width: width)
        if !channels.isEmpty {
            lines += ["", style.bold("CHANNELS")] + ChannelPage.brief(channels, style: style, width: width)
        }
        for row in summary.troubled {
            lines.append("")
            lines += Words.wrapped(reason(row, now: now), width: width ?? .max, indent: 0).map(style.bad)
            lines += hints(row).map { "  \(Words.padded($0.what, 22))\($0.command)" }
        }
        return lines
    }

    private static func headline(_ summary: Summary) -> String {
        guard summary.word == "degraded" else { return summary.word }
        let count = summary.troubled.count
        return "degraded: \(count) worker\(count == 1 ? " needs" : "s need") a look"
    }

    private static func facts(_ status: Block, _ summary: Summary) -> [(String, String)] {
        var facts = [
            (
                "Gateway",
                "PID \(status["PID"] ?? "?"), up \(Words.duration(milliseconds: status.integer("UPTIME_MS") ?? 0))"
            ),
            ("Listening", address(status)),
            ("State", status["STATE_DIR"] ?? ""),
            ("Config", status["CONFIG_PATH"] ?? ""),
            ("Memory", memory(summary)),
        ]
        let rung = status["MEMORY_RUNG"] ?? ""
        if !rung.isEmpty { facts.append(("Limits", limits(rung, status["MEMORY_LADDER"] ?? ""))) }
        let dropped = status.integer("LOG_DROPPED") ?? 0
        if dropped > 0 { facts.append(("Log", "\(dropped) lines never reached standard output, which was blocked")) }
        return facts
    }

    private static func memory(_ summary: Summary) -> String {
        let total = summary.totalKB > 0 ? " of \(Words.megabytes(kilobytes: summary.totalKB))" : ""
        let granted =
            summary.grantedKB > 0 ? ", \(Words.megabytes(kilobytes: summary.grantedKB)) granted" : ""
        let reserve = summary.reserveKB > 0 ? ", \(Words.megabytes(kilobytes: summary.reserveKB)) reserved" : ""
        return "\(Words.megabytes(kilobytes: summary.usedKB))\(total) used by workers\(granted)\(reserve)"
    }

    private static func limits(_ rung: String, _ ladder: String) -> String {
        let text = ladder.hasPrefix("memory limits: ") ? String(ladder.dropFirst(15)) : ladder
        return text.isEmpty ? rung : text
    }

    private static func reason(_ row: WorkerRow, now: Int64) -> String {
        let state = row.isSafeMode ? "in safe mode" : row.state
        let words = row.remarks(now: now)
        return Words.plain("\(row.id) is \(state)" + (words.isEmpty ? "" : ": \(words)"))
    }

    /// What to type about a worker in trouble, most useful first.
    private static func hints(_ row: WorkerRow) -> [(what: String, command: String)] {
        let name = Words.plain(row.shortName)
        let log = (what: "what it said", command: "clawhold logs \(name)")
        let past = (what: "what happened", command: "clawhold events \(name)")
        if row.isSafeMode { return [log, past, ("leave safe mode", "clawhold restart gateway")] }
        switch row.state {
        // Parked by the supervisor's own arithmetic: it starts by itself when there is room.
        case "parked" where row.text.contains("of memory are missing"):
            return [("make room", "clawhold stop WORKER"), ("who has it", "clawhold top")]
        case "parked": return [log, ("with a new setting", "clawhold reload"), ("as it is", "clawhold start \(name)")]
        case "quarantined": return [log, past, ("try it again now", "clawhold reset \(name)")]
        default: return [log, past]
        }
    }

    static func address(_ status: Block) -> String {
        let port = status["PORT"] ?? "?"
        return switch status["BIND"] ?? "" {
        case "lan": "ws://0.0.0.0:\(port) (lan, IPv4 and IPv6)"
        case "loopback": "ws://127.0.0.1:\(port) (loopback: this machine only)"
        case let mode: "port \(port) (\(mode))"
        }
    }

    private static func degraded(_ row: WorkerRow, now: Int64) -> String {
        let commands = hints(row).map { JSONText.quoted($0.command) }
        return JSONText.object([
            ("id", .string(row.id)), ("reason", .string(reason(row, now: now))),
            ("commands", .raw(JSONText.array(commands))),
        ])
    }

    static func json(_ status: Block, _ rows: [WorkerRow], channels: JSON? = nil, now: Int64) -> String {
        let summary = Summary(status, rows)
        return JSONText.object([
            ("running", .bool(true)),
            ("health", .string(summary.word)),
            ("pid", .integer(status.integer("PID") ?? 0)),
            ("version", .string(status["VERSION"] ?? "")),
            ("uptimeMs", .integer(status.integer("UPTIME_MS") ?? 0)),
            ("stateDir", .string(status["STATE_DIR"] ?? "")),
            ("configPath", .string(status["CONFIG_PATH"] ?? "")),
            ("port", .integer(status.integer("PORT") ?? 0)),
            ("bind", .string(status["BIND"] ?? "")),
            ("memoryRung", .string(status["MEMORY_RUNG"] ?? "")),
            ("memoryLadder", .string(status["MEMORY_LADDER"] ?? "")),
            ("memoryKb", .integer(summary.totalKB)),
            ("usedKb", .integer(summary.usedKB)),
            ("grantedKb", .integer(summary.grantedKB)),
            ("reserveKb", .integer(summary.reserveKB)),
            ("logDropped", .integer(status.integer("LOG_DROPPED") ?? 0)),
            ("degraded", .raw(JSONText.array(summary.troubled.map { degraded($0, now: now) }))),
            ("workers", .raw(JSONText.array(rows.map(\.json)))),
            ("channels", channels.map { .raw($0.text) } ?? .null),
        ])
    }
}
