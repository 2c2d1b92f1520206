/// A message that is a command to the gateway's agent and not for the model.
///
/// The whole message, in any case, with an optional colon after the name and Telegram's `@bot` suffix. Only `/new` and
/// `/reset` may be followed by text, which then is the first message of the fresh session. `/stop` is the gateway's.
enum Command: Equatable {
    case reset(rest: String)
    case status
    case help
    case model

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
        case ("model", true), ("models", true): self = .model
        default: return nil
        }
    }

    static let helpText = """
        /new or /reset – begin a fresh conversation (text after it is its first message)
        /status – model, tokens and state of this conversation
        /model – which model answers
        /stop – stop the answer that is being written
        /help – this list
        Anything else goes to the model.
        """
}
