/// Markdown as models write it, as rich text: headings and paragraphs, lists, quotes, fenced code, tables.
///
/// Nothing is an error: what is not understood stays as it is written.
struct Markdown {
    private var result = RichText()
    private var paragraph: [Substring] = []
    private var quote: [Substring] = []

    static func parse(_ text: String) -> RichText {
        var parser = Markdown()
        // A line break of Windows is one character for Swift and no line break for the rules below.
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.last == "\r" ? Substring(line.dropLast()) : Substring(line)
        }
        parser.parse(lines)
        return parser.result
    }

    private mutating func parse(_ lines: [Substring]) {
        var index = 0
        while index < lines.count {
            let line = lines[index]
            if let quoted = Self.quoted(line) {
                endParagraph()
                quote.append(quoted)
                index += 1
                continue
            }
            endQuote()
            if let fence = MarkdownFence(line) {
                endParagraph()
                let body = lines[(index + 1)...].prefix { !fence.isClosed(by: $0) }
                code(body.map(fence.unindented), language: fence.language)
                index = min(body.endIndex + 1, lines.count)
            } else if let table = MarkdownTable(lines[index...]) {
                endParagraph()
                code(table.lines[...].map { Substring($0) }, language: "")
                index += table.count
            } else if let heading = Self.heading(line) {
                endParagraph()
                newLine()
                let start = result.count
                result.append(MarkdownInline.parse(Array(heading.utf16)))
                result.mark(start..<result.count, .bold)
                index += 1
            } else {
                paragraph.append(Self.listed(line))
                index += 1
            }
        }
        endParagraph()
        endQuote()
    }

    private var hasContent = false

    private mutating func newLine() {
        if hasContent { result.append("\n") }
        hasContent = true
    }

    private mutating func endParagraph() {
        guard !paragraph.isEmpty else { return }
        newLine()
        result.append(MarkdownInline.parse(Array(paragraph.joined(separator: "\n").utf16)))
        paragraph = []
    }

    private mutating func endQuote() {
        guard !quote.isEmpty else { return }
        newLine()
        let start = result.count
        let lines = quote.map(Self.listed)
        quote = []
        result.append(MarkdownInline.parse(Array(lines.joined(separator: "\n").utf16)))
        result.mark(start..<result.count, .quote)
    }

    private mutating func code(_ lines: [Substring], language: String) {
        newLine()
        let start = result.count
        result.append(lines.joined(separator: "\n"))
        result.mark(start..<result.count, .pre(language: language))
    }

    // MARK: Lines

    private static func quoted(_ line: Substring) -> Substring? {
        guard line.prefix(while: { $0 == " " }).count <= 3 else { return nil }
        var rest = line.drop { $0 == " " }
        guard rest.hasPrefix(">") else { return nil }
        // Telegram's quotes do not nest.
        while rest.hasPrefix(">") { rest = rest.dropFirst().drop { $0 == " " } }
        return rest
    }

    private static func heading(_ line: Substring) -> Substring? {
        let level = line.prefix { $0 == "#" }.count
        guard (1...6).contains(level) else { return nil }
        let rest = line.dropFirst(level)
        guard rest.first == " " || rest.first == "\t" else { return nil }
        let text = rest.drop { $0 == " " || $0 == "\t" }
        return text.isEmpty ? nil : text
    }

    /// Bullets for `-`, `*` and `+`, boxes for tasks, a line for a rule; any other line as it is.
    private static func listed(_ line: Substring) -> Substring {
        let indent = line.prefix { $0 == " " || $0 == "\t" }
        let rest = line.dropFirst(indent.count)
        guard let mark = rest.first, "-*+_".contains(mark) else { return line }
        let bare = rest.filter { $0 != " " }
        if bare.count >= 3, mark != "+", bare.allSatisfy({ $0 == mark }) { return "———" }
        guard mark != "_", rest.dropFirst().first == " " else { return line }
        let item = rest.dropFirst(2)
        for (box, sign) in [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")] where item.hasPrefix(box) {
            return "\(indent)\(sign)\(item.dropFirst(box.count))"
        }
        return "\(indent)• \(item)"
    }
}
