/// One thing that `doctor` has to say: what happened, where, and what to type.
struct Finding: Equatable {
    enum Level: String {
        /// It does not work, or will not after the next start.
        case problem
        /// It works, and something is lost or weaker.
        case warning
        /// Nothing to do.
        case note
    }

    var level: Level
    /// For scripts; never changes its meaning.
    var id: String
    /// What happened and where, in whole sentences.
    var text: String
    /// What to type, most useful first.
    var commands: [String] = []

    static func problem(_ id: String, _ text: String, _ commands: String...) -> Finding {
        Finding(level: .problem, id: id, text: text, commands: commands)
    }

    static func warning(_ id: String, _ text: String, _ commands: String...) -> Finding {
        Finding(level: .warning, id: id, text: text, commands: commands)
    }

    static func note(_ id: String, _ text: String, _ commands: String...) -> Finding {
        Finding(level: .note, id: id, text: text, commands: commands)
    }

    var json: String {
        JSONText.object([
            ("id", .string(id)), ("level", .string(level.rawValue)), ("text", .string(text)),
            ("commands", .raw(JSONText.array(commands.map(JSONText.quoted)))),
        ])
    }
}
