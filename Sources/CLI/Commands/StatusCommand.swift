internal import ArgumentParser
internal import Config
internal import IPCControl

/// `status`: how the gateway is, on one page. Exit code 0 also when nothing runs, as in OpenClaw.
struct StatusCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "status", abstract: "How the gateway and its workers are, on one page.")
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
        let rows = try found.connection.blocks(Block("COMMAND", ["CMD": "ps"])).compactMap(WorkerRow.init)
        if common.json {
            Terminal.say(json(found.status, rows))
        } else {
            Terminal.say(page(found.status, rows, now: Terminal.now(), style: common.style).joined(separator: "\n"))
        }
    }

    static func page(_ status: Block, _ rows: [WorkerRow], now: Int64, style: Style) -> [String] {
        let troubled = rows.filter(\.isTrouble)
        let gateway = rows.first { $0.kind == "gateway" }
        let health =
            gateway?.state != "ready"
            ? style.bad("down") : troubled.isEmpty ? style.good("healthy") : style.careful("degraded")
        let uptime = Words.duration(milliseconds: status.integer("UPTIME_MS") ?? 0)
        var facts = Table()
        func add(_ name: String, _ text: String) { facts.rows.append([.init(text: "  " + name), .init(text: text)]) }
        add("Gateway", "PID \(status["PID"] ?? "?"), up \(uptime)")
        add("Listening", address(status))
        add("State", status["STATE_DIR"] ?? "")
        add("Config", status["CONFIG_PATH"] ?? "")
        let total = status.integer("MEMORY_KB") ?? 0
        let used = rows.reduce(Int64(0)) { $0 &+ max(0, $1.memoryKB) }
        let rung = status["MEMORY_RUNG"] ?? ""
        add(
            "Memory",
            "\(Words.megabytes(kilobytes: used)) used by workers"
                + (total > 0 ? " of \(Words.megabytes(kilobytes: total))" : "")
                + (rung.isEmpty ? "" : ", limits by \(rung)")
        )
        var lines = [style.bold("Clawhold \(status["VERSION"] ?? Build.version)") + "  " + health, ""]
        lines += facts.lines(widest: 200) + [""] + WorkerTable.lines(rows, now: now, style: style)
        for row in troubled {
            lines += [
                "", style.bad("\(row.id) is \(row.state)") + (row.text.isEmpty ? "" : ": \(row.text)"), hint(row),
            ]
        }
        return lines
    }

    /// What to type about a worker in trouble.
    private static func hint(_ row: WorkerRow) -> String {
        switch row.state {
        case "parked": "  Correct its configuration, then:  clawhold reload     Its log:  clawhold logs \(row.id)"
        case "quarantined": "  Its log:  clawhold logs \(row.id)     Try it again now:  clawhold reset \(row.id)"
        default: "  Its log:  clawhold logs \(row.id)"
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

    static func json(_ status: Block, _ rows: [WorkerRow]) -> String {
        JSONText.object([
            ("running", .bool(true)),
            ("pid", .integer(status.integer("PID") ?? 0)),
            ("version", .string(status["VERSION"] ?? "")),
            ("uptimeMs", .integer(status.integer("UPTIME_MS") ?? 0)),
            ("stateDir", .string(status["STATE_DIR"] ?? "")),
            ("configPath", .string(status["CONFIG_PATH"] ?? "")),
            ("port", .integer(status.integer("PORT") ?? 0)),
            ("bind", .string(status["BIND"] ?? "")),
            ("memoryRung", .string(status["MEMORY_RUNG"] ?? "")),
            ("memoryKb", .integer(status.integer("MEMORY_KB") ?? 0)),
            ("workers", .raw(JSONText.array(rows.map(\.json)))),
        ])
    }
}
