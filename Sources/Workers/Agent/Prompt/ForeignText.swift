/// Strangers' words on their way into a prompt: whatever they write, it cannot pass for a line that the agent writes itself.
enum ForeignText {
    /// What our own brackets begin with, letters and digits only. A stranger's bracket that begins so becomes round.
    static let reserved = [
        "chatmessagessince", "currentmessage", "replyingto", "replying", "quoting", "forwardedfrom", "messageid",
        "mediaattached", "medianotavailable", "summaryoftheconversation", "threadstarter", "system",
        // An envelope without a time begins with the channel's name.
        "telegram", "discord", "whatsapp", "slack", "signal", "imessage", "googlechat", "msteams", "matrix", "webchat",
        "telephone",
    ]
    /// How many characters after a bracket are looked at.
    private static let look = 400

    /// A text of several lines.
    static func body(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            lines.append(rounded(notSystem(line)))
        }
        return lines.joined(separator: "\n")
    }

    /// A name or a short remark in one line, without brackets.
    static func label(_ text: String, limit: Int = 80) -> String {
        let one = text.prefix(limit).map { $0.isNewline || isControl($0) || "[]".contains($0) ? " " : $0 }
        return String(one).trimmed()
    }

    private static func isControl(_ character: Character) -> Bool {
        character.unicodeScalars.contains { $0.value < 0x20 && $0 != "\t" || $0.value == 0x7F }
    }

    /// `System:` at the beginning of a line is how the agent tells of events.
    private static func notSystem(_ line: Substring) -> Substring {
        let scalars = line.unicodeScalars
        var letters = ""
        var index = scalars.startIndex
        while index < scalars.endIndex, letters.count <= 6 {
            let scalar = scalars[index]
            if scalar == ":" { return letters == "system" ? "(quoted) " + line : line }
            if scalar.isASCII {
                if scalar.properties.isAlphabetic {
                    letters.unicodeScalars.append(
                        scalar.value < 0x60 ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
                    )
                } else if scalar.value > 0x20 {
                    return line
                }
            } else if scalar.properties.isAlphabetic {
                return line
            }
            index = scalars.index(after: index)
        }
        return line
    }

    /// Square brackets that look like one of ours, made round; control characters left out.
    private static func rounded(_ line: Substring) -> String {
        var scalars = Array(line.unicodeScalars).filter { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\t" }
        for open in scalars.indices where scalars[open] == "[" {
            let rest = scalars[(open + 1)...].prefix(look)
            let content = rest.prefix { $0 != "]" }
            guard isOurs(content) else { continue }
            scalars[open] = "("
            if content.endIndex < rest.endIndex { scalars[content.endIndex] = ")" }
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    private static func isOurs(_ content: ArraySlice<Unicode.Scalar>) -> Bool {
        var skeleton: [UInt8] = []
        for scalar in content where scalar.isASCII {
            switch UInt8(truncatingIfNeeded: scalar.value) {
            case let byte where (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte): skeleton.append(byte)
            case let byte where (0x41...0x5A).contains(byte): skeleton.append(byte + 32)
            default: break
            }
        }
        return reserved.contains { skeleton.starts(with: $0.utf8) } || bearsTime(skeleton)
    }

    /// Whether a date and a time of day stand in it, eight and four digits without their separators.
    private static func bearsTime(_ skeleton: [UInt8]) -> Bool {
        var digits = 0
        for byte in skeleton {
            if (0x30...0x39).contains(byte) {
                digits += 1
                if digits >= 12 { return true }
            } else if byte != UInt8(ascii: "t") || digits < 8 {
                digits = 0
            }
        }
        return false
    }
}
