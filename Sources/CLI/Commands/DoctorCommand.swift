internal import ArgumentParser
internal import Config

/// `doctor`: everything that is not as it should be, with what to type. Changes nothing.
struct DoctorCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "doctor",
            abstract: "What is wrong here or will be after the next start, and what to type about it. Changes nothing.",
            discussion: "Exit codes: 0 no problem (there may be warnings); 1 a problem; 2 typed wrongly."
        )
    }

    @OptionGroup var common: CommonOptions

    @Flag(name: [.customLong("fix"), .customLong("repair")], help: "Taken for OpenClaw's scripts; nothing is changed.")
    var fix = false

    @Flag(help: .hidden)
    var nonInteractive = false

    @Flag(help: .hidden)
    var yes = false

    @Flag(help: .hidden)
    var deep = false

    @Flag(help: .hidden)
    var force = false

    @Flag(help: .hidden)
    var noWorkspaceSuggestions = false

    func run() throws {
        let facts = DoctorLook(common.discovery).facts()
        let found = DoctorChecks.all(facts)
        if common.json {
            Terminal.say(DoctorPage.json(facts, found))
        } else {
            if fix { Terminal.complain("clawhold doctor changes nothing by itself; it says what to type.") }
            let width = TerminalSize.now()?.columns
            Terminal.say(DoctorPage.lines(facts, found, style: common.style, width: width).joined(separator: "\n"))
        }
        if found.contains(where: { $0.level == .problem }) { throw ExitCode(1) }
    }
}

/// What `doctor` prints.
enum DoctorPage {
    static func lines(_ facts: DoctorFacts, _ found: [Finding], style: Style, width: Int?) -> [String] {
        let running = facts.running.map { "runs (PID \($0.pid), port \($0.port), \($0.rung))" } ?? "does not run"
        let place =
            switch facts.surroundings {
            case .fly(let app): "on Fly.io, application \(app)"
            case .container: "in a container"
            case .machine: "on this machine"
            }
        var lines = [
            style.bold("Clawhold doctor") + "  \(Words.plain(place)); the gateway \(Words.plain(running))",
            "State \(Words.plain(facts.stateDirectory)), configuration \(Words.plain(facts.configPath))",
        ]
        for finding in found {
            let mark =
                switch finding.level {
                case .problem: style.bad("problem ")
                case .warning: style.careful("warning ")
                case .note: style.dim("note    ")
                }
            lines.append("")
            let text = Words.wrapped(Words.plain(finding.text), width: width ?? .max, indent: 8)
            lines += text.enumerated().map { $0.offset == 0 ? mark + $0.element.dropFirst(8) : $0.element }
            lines += finding.commands.map { "          \(Words.plain($0))" }
        }
        let problems = found.count { $0.level == .problem }
        let warnings = found.count { $0.level == .warning }
        lines += [""]
        lines.append(
            problems + warnings == 0
                ? style.good("Nothing is wrong.")
                : "\(problems) problem\(problems == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s")."
        )
        return lines
    }

    static func json(_ facts: DoctorFacts, _ found: [Finding]) -> String {
        JSONText.object([
            ("ok", .bool(!found.contains { $0.level == .problem })),
            ("running", .bool(facts.running != nil)),
            ("stateDir", .string(facts.stateDirectory)),
            ("configPath", .string(facts.configPath)),
            ("findings", .raw(JSONText.array(found.map(\.json)))),
        ])
    }
}
