/// Lines under heads, the columns as wide as their widest cell; the last one takes what is left of the line.
struct TextTable {
    /// A text, and what it looks like once it is padded.
    struct Cell {
        var text: String
        var paint: (String) -> String = { $0 }
        var isNumber = false
    }

    /// One entry: its cells, and what stands below them.
    struct Row {
        var cells: [Cell]
        /// Whole lines, not wrapped again.
        var below: [String] = []
    }

    /// - Parameters:
    ///   - heads: of the columns; a row has as many cells.
    ///   - limits: the most columns of the screen that each column may take; a longer text is cut. nil: no limit.
    ///   - width: no line is wider; nil: as wide as it comes.
    static func lines(_ heads: [String], limits: [Int?], _ rows: [Row], style: Style, width: Int?) -> [String] {
        let cut = rows.map { row in
            zip(row.cells, limits).map { cell, limit in
                var cell = cell
                if let limit, width != nil { cell.text = Self.cut(cell.text, limit) }
                return cell
            }
        }
        let isNumber = heads.indices.map { column in cut.contains { $0[column].isNumber } }
        let widths = heads.indices.map { column in
            max(heads[column].count, cut.map { $0[column].text.count }.max() ?? 0)
        }
        func line(_ cells: [Cell]) -> String {
            var line = ""
            var used = 0
            for (column, cell) in cells.enumerated() {
                var text = cell.text
                if column == cells.count - 1, let width { text = Self.cut(text, max(8, width - used)) }
                let blanks = String(repeating: " ", count: max(0, widths[column] - text.count))
                let isLast = column == cells.count - 1
                line += cell.isNumber ? blanks + cell.paint(text) : cell.paint(text) + (isLast ? "" : blanks)
                used += widths[column] + 2
                if !isLast { line += "  " }
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        var lines = [line(zip(heads, isNumber).map { Cell(text: $0, paint: style.bold, isNumber: $1) })]
        for (row, cells) in zip(rows, cut) { lines += [line(cells)] + row.below }
        return lines
    }

    /// The text, or its beginning and a `~`.
    static func cut(_ text: String, _ width: Int) -> String {
        text.count <= width ? text : String(text.prefix(max(1, width - 1))) + "~"
    }
}
