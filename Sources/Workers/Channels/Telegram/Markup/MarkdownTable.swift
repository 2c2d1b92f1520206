/// A table, as lines of a monospaced block with aligned columns. Telegram knows no tables.
struct MarkdownTable {
    let lines: [String]
    /// Source lines that it takes.
    let count: Int

    private static let columnLimit = 32
    /// Wider cells are not padded to.
    private static let widthLimit = 60

    /// Nil when no table begins with the first of `source`: a line of cells, then one of dashes with as many columns.
    init?(_ source: ArraySlice<Substring>) {
        guard source.count >= 2, let first = source.first, first.contains("|"),
            let rule = Self.cells(source[source.startIndex + 1]), let head = Self.cells(first),
            rule.count == head.count, rule.count <= Self.columnLimit, rule.allSatisfy(Self.isRule)
        else { return nil }
        let body = source.dropFirst(2).prefix { $0.contains("|") && !$0.allSatisfy { $0 == " " } }
        var rows = [head]
        for line in body {
            let cells = (Self.cells(line) ?? []).prefix(head.count)
            rows.append(Array(cells) + Array(repeating: "", count: head.count - cells.count))
        }
        let widths = head.indices.map { column in
            min(rows.reduce(1) { max($0, $1[column].count) }, Self.widthLimit)
        }
        func line(_ row: [String]) -> String {
            var text = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: max(0, width - cell.count))
            }.joined(separator: " | ")
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
        lines =
            [line(head), widths.map { String(repeating: "-", count: $0) }.joined(separator: "-|-")]
            + rows.dropFirst().map(line)
        count = 2 + body.count
    }

    /// The cells of a line, without the marks of Markdown around their words; nil when it has none.
    private static func cells(_ line: Substring) -> [String]? {
        var text = line.drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        guard text.contains("|") else { return nil }
        if text.first == "|" { text = text.dropFirst() }
        if text.last == "|", !text.hasSuffix("\\|") { text = text.dropLast() }
        var cells: [String] = [""]
        var isEscaped = false
        for character in text {
            if character == "|", !isEscaped {
                cells.append("")
            } else {
                if isEscaped, character != "|" { cells[cells.count - 1].append("\\") }
                if character != "\\" || isEscaped { cells[cells.count - 1].append(character) }
            }
            isEscaped = character == "\\" && !isEscaped
        }
        return cells.map { cell in
            let rich = MarkdownInline.parse(Array(cell.utf16))
            let words = rich.plain(0..<rich.count).drop { $0 == " " }
            return String(words.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func isRule(_ cell: String) -> Bool {
        var dashes = Substring(cell)
        if dashes.first == ":" { dashes = dashes.dropFirst() }
        if dashes.last == ":" { dashes = dashes.dropLast() }
        return !dashes.isEmpty && dashes.allSatisfy { $0 == "-" || $0 == "—" }
    }
}
