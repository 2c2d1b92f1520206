internal import IPCControl

/// Ids of tool calls for a dialect that is picky about them. The same id always becomes the same one: the prompt that a
/// provider keeps stays the same, and a call finds its result.
package enum ToolCallID {
    package enum Rule: Sendable {
        /// Letters, digits, `_` and `-`, at most 64 (Anthropic) or 40 (what compatible hosts take).
        case word(limit: Int)
        /// Exactly nine letters and digits (Mistral).
        case nine
    }

    package static func fit(_ id: String, _ rule: Rule) -> String {
        switch rule {
        case .word(let limit):
            guard id.isEmpty || id.utf8.count > limit || !id.utf8.allSatisfy(isWord) else { return id }
            return "call_" + digest(id, length: min(24, max(8, limit - 5)))
        case .nine:
            guard id.utf8.count != 9 || !id.utf8.allSatisfy(isAlphanumeric) else { return id }
            return digest(id, length: 9)
        }
    }

    /// Hexadecimal digits of the SHA-256 of `text`.
    package static func digest(_ text: String, length: Int) -> String {
        var digest = SHA256()
        digest.update(text.utf8)
        return String(Hex.encode(Array(digest.finish())).prefix(length))
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
