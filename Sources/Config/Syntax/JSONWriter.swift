/// Writes plain JSON: what OpenClaw writes (two spaces, a newline at the end), or all on one line.
package enum JSONWriter {
    /// `Infinity` and `NaN` have no form in JSON and become null, and so does a value that could not be made.
    package static func text(_ value: ConfigValue, pretty: Bool = true) -> String {
        var text = ""
        write(value, pretty: pretty, indent: 0, into: &text)
        if pretty { text += "\n" }
        return text
    }

    /// A string with its quotes.
    package static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}":
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    private static func write(_ value: ConfigValue, pretty: Bool, indent: Int, into text: inout String) {
        switch value.kind {
        case .null, .broken: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .number(let number, let written): text += plain(number, written)
        case .string(let string): text += quoted(string)
        case .array(let elements):
            list("[", "]", elements, pretty, indent, &text) { element, text in
                write(element, pretty: pretty, indent: indent + 1, into: &text)
            }
        case .object(let object):
            list("{", "}", object.members, pretty, indent, &text) { member, text in
                text += quoted(member.key) + (pretty ? ": " : ":")
                write(member.value, pretty: pretty, indent: indent + 1, into: &text)
            }
        }
    }

    private static func list<Element>(
        _ opener: String,
        _ closer: String,
        _ elements: [Element],
        _ pretty: Bool,
        _ indent: Int,
        _ text: inout String,
        _ write: (Element, inout String) -> Void
    ) {
        text += opener
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if pretty { text += "\n" + String(repeating: "  ", count: indent + 1) }
            write(element, &text)
        }
        if pretty, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += closer
    }

    private static func plain(_ number: Double, _ written: String) -> String {
        guard number.isFinite else { return "null" }
        let digits = written.hasPrefix("-") ? written.dropFirst() : written[...]
        if !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isWholeNumber }) { return written }
        if number.rounded() == number, abs(number) < 9e15 { return String(Int64(number)) }
        return "\(number)"
    }
}
