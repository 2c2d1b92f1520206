internal import Config

/// One line of the log that the plan has to say.
struct Notice: Sendable, Equatable {
    /// `info`, `warn`, `error`.
    var level: String
    var text: String

    /// In one line of bounded length, whatever names it holds.
    init(level: String, text: String) {
        self.level = level
        let scalars = text.unicodeScalars.prefix(2000).map { scalar -> Unicode.Scalar in
            scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? " " : scalar
        }
        self.text = String(String.UnicodeScalarView(scalars))
    }
}

/// What the plan has to say, most important first.
enum Notices {
    static func all(_ config: LoadedConfig, flags: GatewayFlags, other: [String], fleet: [Notice]) -> [Notice] {
        var notices: [Notice] = []
        switch config.state {
        case .accepted, .missing: break
        case .lastAccepted:
            notices.append(
                Notice(level: "error", text: "\(config.error). The last accepted configuration is in force.")
            )
        case .unusable:
            notices.append(
                Notice(
                    level: "error",
                    text: "\(config.error). No configuration was ever accepted: no channel is started."
                )
            )
        }
        notices += config.problems.map { problem in
            Notice(level: problem.disables.isEmpty ? "warn" : "error", text: sentence(problem))
        }
        notices += fleet
        notices += other.map { Notice(level: "warn", text: $0) }
        notices += flags.ignored.map { Notice(level: "info", text: "\($0) has no effect in Clawhold") }
        return notices
    }

    private static func sentence(_ problem: ConfigProblem) -> String {
        let place = problem.line > 0 ? "line \(problem.line): " : ""
        let path = problem.path.isEmpty ? "" : "\(problem.path): "
        let consequence =
            problem.disables.isEmpty
            ? "" : problem.disables == problem.path ? " (not used)" : " (\(problem.disables) is off)"
        return place + path + problem.text + consequence
    }
}
