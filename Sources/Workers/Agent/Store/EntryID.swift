internal import IPCControl

/// Ids that follow from the turn's id, so that a turn which is run again finds what it wrote before.
enum EntryID {
    /// Which entry of a turn.
    enum Part {
        case user
        /// The answer of a model call that asked for tools; counted from 0.
        case round(Int)
        case toolResult(round: Int, call: Int)
        case reply

        fileprivate var text: String {
            switch self {
            case .user: "user"
            case .round(let round): "round.\(round)"
            case .toolResult(let round, let call): "tool.\(round).\(call)"
            case .reply: "reply"
            }
        }
    }

    /// Sixteen hexadecimal digits.
    static func derive(turn: String, _ part: Part) -> String {
        Hex.encode(digest(turn, part.text).prefix(8))
    }

    /// The id of the session that a turn begins: a UUID (RFC 9562 version 8, made of a digest).
    static func session(turn: String) -> String {
        var bytes = Array(digest(turn, "session").prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array(Hex.encode(bytes))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }

    /// A call id for the journal where the model's own is unusable: empty, too long, or given twice.
    static func call(turn: String, round: Int, call: Int) -> String {
        "call_" + Hex.encode(digest(turn, "call.\(round).\(call)").prefix(8))
    }

    private static func digest(_ turn: String, _ part: String) -> [UInt8] {
        SHA256.hash(Array("\(turn)|\(part)".utf8))
    }
}
