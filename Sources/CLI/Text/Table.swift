/// Columns that line up.
struct Table {
    /// One cell: its text, and what it looks like once it is padded.
    struct Cell {
        var text: String
        var paint: (String) -> String = { $0 }
        var isNumber = false
    }

    var rows: [[Cell]] = []

    /// Lines without blanks at their ends; no column is wider than `widest`.
    func lines(widest: Int = 60) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.indices.contains(column) ? min(widest, $0[column].text.count) : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let isLast = column == row.count - 1
                let text = isLast ? cell.text : String(cell.text.prefix(widths[column]))
                let blanks = String(repeating: " ", count: max(0, widths[column] - text.count))
                if column > 0 { line += "  " }
                line += cell.isNumber ? blanks + cell.paint(text) : cell.paint(text) + (isLast ? "" : blanks)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
