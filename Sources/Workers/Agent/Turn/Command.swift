internal import Config
internal import IPCHub
internal import Runtime

/// A message that is a command to the gateway's agent and not for the model.
///
/// The whole message, in any case, with an optional colon after the name and Telegram's `@bot` suffix. Only `/new` and
/// `/reset` may be followed by text, which then is the first message of the fresh session, and `/model` by a model's name.
/// `/stop` is the gateway's.
enum Command: Equatable {
    case reset(rest: String)
    case status
    case help
    /// Which model answers; with a name, which one shall from now on in this conversation.
    case model(String)
    case whoami

    init?(_ text: String) {
        let whole = text.trimmed()
        guard whole.hasPrefix("/") else { return nil }
        let end = whole.firstIndex { $0.isWhitespace } ?? whole.endIndex
        let rest = whole[end...].trimmed()
        var name = whole[whole.index(after: whole.startIndex)..<end].lowercased()
        if name.hasSuffix(":") { name.removeLast() }
        if let at = name.firstIndex(of: "@") { name = String(name[..<at]) }
        switch (name, rest.isEmpty) {
        case ("new", _), ("reset", _): self = .reset(rest: rest)
        case ("status", true): self = .status
        case ("help", true), ("commands", true): self = .help
        case ("model", _), ("models", true):
            // A sentence that begins with the word is for the model.
            guard !rest.contains(where: \.isWhitespace) else { return nil }
            self = .model(rest)
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
