/// What a model writes into its answer for the gateway and not for the reader, taken out of it. OpenClaw's:
/// `MEDIA:<path or address>` on a line of its own, `[[reply_to_current]]`, `[[reply_to:<id>]]`, `[[audio_as_voice]]`,
/// `NO_REPLY`, `HEARTBEAT_OK`. In code nothing of it counts.
struct AnswerDirectives: Equatable {
    enum ReplyTo: Equatable {
        case current
        case message(String)
    }

    /// What remains for the reader; empty when the model has nothing to say.
    private(set) var text = ""
    /// Paths and addresses after `MEDIA:`, as written, at most `mediaLimit`.
    private(set) var media: [String] = []
    private(set) var isVoice = false
    private(set) var replyTo: ReplyTo?

    static let silent = "NO_REPLY"
    static let heartbeat = "HEARTBEAT_OK"
    static let mediaLimit = 10
    private static let idLimit = 64

    /// - Parameter keepsMedia: `MEDIA:` lines stay where they are (a client that shows files by itself, or cannot).
    init(_ answer: String, keepsMedia: Bool = false) {
        var lines: [String] = []
        var fence: Substring?
        for line in answer.split(separator: "\n", omittingEmptySubsequences: false) {
            let mark = Self.fence(line)
            if let open = fence {
                if let mark, mark.hasPrefix(open),
                    line.drop(while: { $0 == " " }).dropFirst(mark.count).allSatisfy(\.isWhitespace)
                {
                    fence = nil
                }
                lines.append(String(line))
            } else if let mark {
                fence = mark
                lines.append(String(line))
            } else if !keepsMedia, let path = Self.mediaPath(line) {
                if media.count < Self.mediaLimit { media.append(path) }
            } else {
                let rest = takeTags(line)
                if let rest { lines.append(rest) }
            }
        }
        text = Self.spoken(lines.joined(separator: "\n"))
    }

    /// "```" or "~~~", or more of them, at the beginning of a line.
    private static func fence(_ line: Substring) -> Substring? {
        let indent = line.prefix { $0 == " " }
        let rest = line.dropFirst(indent.count)
        guard indent.count <= 3, let first = rest.first, first == "`" || first == "~" else { return nil }
        let mark = rest.prefix { $0 == first }
        return mark.count >= 3 ? mark : nil
    }

    private static func mediaPath(_ line: Substring) -> String? {
        let line = line.trimmed()
        guard line.hasPrefix("MEDIA:") else { return nil }
        var path = line.dropFirst("MEDIA:".count).trimmed()
        for quote: Character in ["`", "\"", "'"] where path.count > 1 && path.first == quote && path.last == quote {
            path = String(path.dropFirst().dropLast())
        }
        path = path.trimmed()
        return path.isEmpty || path.utf8.count > 4096 ? nil : path
    }

    /// The line without its tags; nil when nothing else was in it.
    private mutating func takeTags(_ line: Substring) -> String? {
        guard line.contains("[[") else { return String(line) }
        var rest = line
        var kept = ""
        var isCode = false
        var hadTag = false
        while let next = rest.first {
            if next == "`" { isCode.toggle() }
            if !isCode, rest.hasPrefix("[["), let end = rest.firstRange(of: "]]"),
                take(tag: rest[rest.index(rest.startIndex, offsetBy: 2)..<end.lowerBound])
            {
                hadTag = true
                rest = rest[end.upperBound...]
                // The tag stood between two spaces: one of them goes with it.
                if kept.isEmpty || kept.last == " " { rest = rest.drop { $0 == " " } }
                continue
            }
            kept.append(next)
            rest = rest.dropFirst()
        }
        guard hadTag else { return String(line) }
        while kept.last == " " { kept.removeLast() }
        return kept.isEmpty ? nil : kept
    }

    private mutating func take(tag: Substring) -> Bool {
        let tag = tag.trimmed()
        switch tag.lowercased() {
        case "reply_to_current": replyTo = .current
        case "audio_as_voice": isVoice = true
        case let lowered where lowered.hasPrefix("reply_to:"):
            let id = tag.dropFirst("reply_to:".count).trimmed()
            guard !id.isEmpty, id.utf8.count <= Self.idLimit, !id.contains(where: \.isWhitespace) else { return false }
            replyTo = .message(id)
        default: return false
        }
        return true
    }

    /// Without the tokens that say that there is nothing to say.
    private static func spoken(_ text: String) -> String {
        var text = text.trimmed()
        if begins(text, with: silent) || ends(text, with: silent) { return "" }
        while begins(text, with: heartbeat) { text = text.dropFirst(heartbeat.count).trimmed() }
        while ends(text, with: heartbeat) { text = text.dropLast(heartbeat.count).trimmed() }
        return text
    }

    private static func begins(_ text: String, with token: String) -> Bool {
        guard text.hasPrefix(token) else { return false }
        return text.dropFirst(token.count).first.map { !isWord($0) } ?? true
    }

    private static func ends(_ text: String, with token: String) -> Bool {
        guard text.hasSuffix(token) else { return false }
        return text.dropLast(token.count).last.map { !isWord($0) } ?? true
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}
