extension JSON {
    /// The value on one line.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// The value with two spaces of indentation and a final line feed, as OpenClaw writes its files.
    package func encodedForPeople() -> [UInt8] {
        var bytes: [UInt8] = []
        appendPretty(to: &bytes, indentation: 0)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// Appends the value on one line.
    package func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): Self.append(text, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                element.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (position, member) in object.members.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.append(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func appendPretty(to bytes: inout [UInt8], indentation: Int) {
        switch self {
        case .null, .bool, .integer, .number, .string: append(to: &bytes)
        case .array(let elements):
            guard !elements.isEmpty else { return append(to: &bytes) }
            bytes.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                Self.newLine(in: &bytes, after: position, indentation: indentation + 1)
                element.appendPretty(to: &bytes, indentation: indentation + 1)
            }
            Self.newLine(in: &bytes, after: 0, indentation: indentation)
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            guard !object.members.isEmpty else { return append(to: &bytes) }
            bytes.append(UInt8(ascii: "{"))
            for (position, member) in object.members.enumerated() {
                Self.newLine(in: &bytes, after: position, indentation: indentation + 1)
                Self.append(member.key, to: &bytes)
                bytes.append(contentsOf: ": ".utf8)
                member.value.appendPretty(to: &bytes, indentation: indentation + 1)
            }
            Self.newLine(in: &bytes, after: 0, indentation: indentation)
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func newLine(in bytes: inout [UInt8], after position: Int, indentation: Int) {
        if position > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation * 2))
    }

    /// Appends `text` as a JSON string.
    ///
    /// Line separators U+2028 and U+2029 stay as they are: JSON allows them.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\\"): bytes.append(contentsOf: [byte, byte])
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(UInt8(ascii: "0") + (byte >> 4))
                bytes.append(contentsOf: String(byte & 0x0F, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
