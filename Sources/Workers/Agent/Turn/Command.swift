internal import Config
internal import IPCHub
internal import Runtime

/// A message that is a command to the gateway's agent and not for the model.
///
/// The whole message, in any case, with an optional colon behind the name and Telegram's `@bot` suffix. Only `/new` and
/// `/reset` may be followed by text, which then is the first message of the fresh session, `/model` by a model's name and
/// `/think` by a level.
/// `/stop` is the gateway's.
enum Command: Equatable {
    case reset(rest: String)
    case status
    case help
    /// Which model answers; with a name, which one shall from now on in this conversation.
    case model(String)
    /// How much the model thinks; with a word, how much it shall from now on in this conversation.
    case think(String)
    case whoami

    init?(_ text: String) {
        let whole = text.trimmed()
        guard whole.hasPrefix("/") else { return nil }
        let end = whole.firstIndex { $0.isWhitespace } ?? whole.endIndex
        let word = whole[whole.index(after: whole.startIndex)..<end].split(
            separator: ":",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        // `/think:high` is `/think high`.
        let rest = (word.dropFirst().joined() + whole[end...]).trimmed()
        var name = word.first?.lowercased() ?? ""
        if let at = name.firstIndex(of: "@") { name = String(name[..<at]) }
        switch (name, rest.isEmpty) {
        case ("new", _), ("reset", _): self = .reset(rest: rest)
        case ("status", true): self = .status
        case ("help", true), ("commands", true): self = .help
        case ("model", _), ("models", true):
            // A sentence that begins with the word is for the model.
            guard !rest.contains(where: \.isWhitespace) else { return nil }
            self = .model(rest)
        case ("think", _), ("thinking", _), ("t", _):
            guard !rest.contains(where: \.isWhitespace) else { return nil }
            self = .think(rest)
        case ("whoami", true), ("id", true): self = .whoami
        default: return nil
        }
    }

    /// The command of a turn's message, typed or chosen from a menu; nil when it is none, or its sender may give none.
    init?(_ turn: HubTurn) {
        guard turn.message.mayCommand || turn.channel.isEmpty || turn.channel == "webchat" else { return nil }
        self.init(turn.message.text)
    }

    static var helpText: String {
        let lines = NativeCommand.all.map { command in
            let argument = command.argument.isEmpty ? "" : " [\(command.argument.lowercased())]"
            return "/\(command.name)\(argument) – \(command.summary)"
        }
        return (lines + ["Anything else goes to the model."]).joined(separator: "\n")
    }

    /// What an operator writes into the configuration to mean this person and this conversation.
    static func whoami(_ turn: HubTurn, key: SessionKey) -> String {
        let message = turn.message
        guard !turn.channel.isEmpty, turn.channel != "webchat" else {
            return "You are the owner, in WebChat.\nSession: \(key)"
        }
        let names = [message.senderName, message.senderUsername.isEmpty ? "" : "@\(message.senderUsername)"]
            .map { ForeignText.label($0) }.filter { !$0.isEmpty }
        let account = turn.account.isEmpty ? "" : ", account \(turn.account)"
        var lines = [
            "You: \(names.isEmpty ? "no name" : names.joined(separator: " ")), id \(message.senderID)",
            "Channel: \(Envelope.name(of: turn.channel))\(account)",
        ]
        if message.chatType != .direct {
            let label = ForeignText.label(message.conversationLabel)
            lines.append("Conversation: \(label.isEmpty ? "" : label + ", ")id \(message.conversation)")
        }
        lines.append("Session: \(key)")
        return lines.joined(separator: "\n")
    }
}
