/// Commands typed as text: `/new`, `/model opus`, `/status@my_bot`, `/stop:`.
///
/// Source: spec/channels-voice-tunnel.md 1.16. What is no command of ours is plain text, slash or not.
enum ControlCommand {
    static let names: Set<String> = [
        "new", "reset", "status", "model", "models", "stop", "compact", "activation", "send", "queue", "usage",
        "context",
        "whoami", "id", "help", "commands", "skill", "subagents", "allowlist", "config", "debug", "restart", "bash",
        "approve", "tts", "voice", "think", "thinking", "t", "verbose", "v", "reasoning", "reason", "elevated", "elev",
        "exec",
    ]

    static func isOne(_ text: String) -> Bool { name(of: text) != nil }

    /// The command that the message is: its first word, without slash, bot's name and colon, in small letters.
    static func name(of text: String) -> String? {
        let word = text.unicodeScalars.drop { $0.properties.isWhitespace }.prefix(64)
            .prefix { !$0.properties.isWhitespace }
        guard word.first == "/" else { return nil }
        let name = String(String.UnicodeScalarView(word.dropFirst().prefix { $0 != "@" && $0 != ":" })).lowercased()
        return names.contains(name) || name.hasPrefix("dock-") ? name : nil
    }
}
