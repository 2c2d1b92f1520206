internal import Runtime

/// `/think`: how much the model thinks in one conversation, kept in its session under OpenClaw's name (`thinkingLevel`).
///
/// What a level means is the dialect's: a number of tokens, an effort, or nothing where a model cannot be told.
enum ThinkingChoice {
    static let levels = ["off", "minimal", "low", "medium", "high", "xhigh"]

    /// OpenClaw's other words for them.
    private static let others = [
        "on": "low", "min": "minimal", "mid": "medium", "med": "medium", "max": "high", "x-high": "xhigh",
    ]

    /// The level that somebody wrote; nil: it is none.
    static func level(_ written: String) -> String? {
        let word = written.lowercased()
        return levels.contains(word) ? word : others[word]
    }

    /// What the session's entry asks for, else `usual`; "": nothing is said to the model.
    static func resolve(_ entry: JSONObject, usual: String) -> String {
        entry["thinkingLevel"]?.string.flatMap(level) ?? level(usual) ?? ""
    }

    /// Keeps what `/think <written>` chooses in `entry`, and says what is so now. "" only asks.
    static func apply(_ written: String, _ entry: inout JSONObject, usual: String) -> String {
        switch written.lowercased() {
        case "": break
        case "default", "reset": entry["thinkingLevel"] = nil
        default:
            guard let level = level(written) else {
                return
                    "\(ForeignText.label(written)) is no level of thinking: \(levels.joined(separator: ", ")), default."
            }
            entry["thinkingLevel"] = .string(level)
        }
        let level = resolve(entry, usual: usual)
        if level.isEmpty { return "Thinking: as the model is used to. /think <level> changes it: \(all)." }
        let way = entry["thinkingLevel"] == nil ? "/think <level> changes it: \(all)" : "/think default goes back"
        return "Thinking: \(level), where the model can be told. \(way)."
    }

    private static var all: String { levels.joined(separator: ", ") }
}
