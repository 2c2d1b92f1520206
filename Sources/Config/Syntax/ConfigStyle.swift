/// How an object of a configuration file is written, so that what is added to it looks like the rest.
struct ConfigStyle {
    /// Every member on a line of its own.
    private let isTall: Bool
    private let newline: String
    /// In front of a member.
    private let indent: String
    /// One step further in.
    private let unit: String
    /// Around keys: a quote, or nothing.
    private let quote: String
    /// Between a brace and what stands beside it on one line.
    private let gap: String

    init(_ bytes: [UInt8], _ layout: JSON5Layout, root: JSON5Layout) {
        let isFirstBelow = Self.hasNewline(bytes[layout.open..<(layout.members.first?.start ?? layout.close)])
        isTall = isFirstBelow || layout.endsInLineComment
        let lineFeed = bytes.firstIndex(of: UInt8(ascii: "\n"))
        let isWindows = lineFeed.map { $0 > 0 && bytes[$0 - 1] == UInt8(ascii: "\r") } ?? false
        newline = isWindows ? "\r\n" : "\n"
        let rootIndent = root.members.first.map { Self.indent(bytes, before: $0.start) } ?? ""
        unit = rootIndent.isEmpty ? "  " : rootIndent
        if isFirstBelow, let first = layout.members.first {
            indent = Self.indent(bytes, before: first.start)
        } else {
            indent = Self.indent(bytes, before: layout.close) + unit
        }
        let sample = layout.members.last ?? root.members.last
        switch sample.map({ bytes[$0.start] }) {
        case UInt8(ascii: "\"")?, nil: quote = "\""
        case UInt8(ascii: "'")?: quote = "'"
        default: quote = ""
        }
        let isTight = !layout.members.isEmpty && layout.members[0].start == layout.open + 1
        gap = isTight ? "" : " "
    }

    /// A new member with the space before it.
    func member(_ key: String, _ value: ConfigValue) -> String {
        (isTall ? newline + indent : gap) + name(key) + ": " + text(value, indent)
    }

    /// Between a member of an object that was empty and its brace.
    var closing: String { isTall ? newline + String(indent.dropLast(unit.count)) : " " }

    /// A value in the place of another, whose first byte is `old`.
    func text(_ value: ConfigValue, replacing old: UInt8) -> String {
        if old == UInt8(ascii: "'"), let string = value.string, Self.isPlain(string) { return "'\(string)'" }
        return text(value, indent)
    }

    private func text(_ value: ConfigValue, _ indent: String) -> String {
        guard let object = value.object, !object.members.isEmpty else {
            if quote == "'", let string = value.string, Self.isPlain(string) { return "'\(string)'" }
            return JSONWriter.text(value, pretty: false)
        }
        guard isTall else {
            let members = object.members.map { "\(name($0.key)): \(text($0.value, indent))" }
            return "{\(gap)\(members.joined(separator: ", "))\(gap)}"
        }
        let inner = indent + unit
        let members = object.members.map { "\(newline)\(inner)\(name($0.key)): \(text($0.value, inner))" }
        return "{\(members.joined(separator: ","))\(newline)\(indent)}"
    }

    private func name(_ key: String) -> String {
        guard Self.isPlain(key) else { return JSONWriter.quoted(key) }
        let isName = key.utf8.allSatisfy { Self.isLetter($0) } && !key.isEmpty
        return quote.isEmpty && !isName ? "\"\(key)\"" : quote + key + quote
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// Nothing in it has to be escaped.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && !"\"'\\".utf8.contains($0) }
    }

    private static func hasNewline(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.contains { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    }

    /// The blanks at the beginning of the line that `offset` is on.
    private static func indent(_ bytes: [UInt8], before offset: Int) -> String {
        let line = bytes[..<offset]
        let begin = line.lastIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.map { $0 + 1 } ?? 0
        return String(
            decoding: line[begin...].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") },
            as: UTF8.self
        )
    }
}
