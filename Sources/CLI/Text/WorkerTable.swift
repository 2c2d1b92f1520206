/// The table of `ps` and `status`: one line for each worker, and one below it where there is something to say.
enum WorkerTable {
    static let barWidth = 10

    /// Its text, and what it looks like once it is padded.
    private struct Cell {
        var text: String
        var paint: (String) -> String = { $0 }
        var isNumber = false
    }

    /// - Parameter width: columns of the terminal; no line is wider. nil: as wide as it comes.
    static func lines(_ rows: [WorkerRow], now: Int64, style: Style, width: Int? = nil) -> [String] {
        let rows = rows.map(\.plain)
        let heads = ["STATE", "USED", "PEAK", "SOFT", "HARD", "MEMORY", "RST", "FOR"]
        let bodies = rows.map { cells($0, now, style) }
        let widths = heads.indices.map { column in
            max(heads[column].count, bodies.map { $0[column].text.count }.max() ?? 0)
        }
        // A blank between the four figures, two elsewhere.
        let rest = widths.reduce(0, +) + 2 * 8 - 3
        let labels = names(rows, fitting: width.map { max(8, $0 - rest) })
        let nameWidth = max(6, labels.map(\.count).max() ?? 0)
        func line(_ name: String, _ cells: [Cell], _ paintName: (String) -> String = { $0 }) -> String {
            var line = paintName(name) + String(repeating: " ", count: max(0, nameWidth - name.count))
            for (column, cell) in cells.enumerated() {
                let blanks = String(repeating: " ", count: max(0, widths[column] - cell.text.count))
                line += (2...4).contains(column) ? " " : "  "
                line += cell.isNumber ? blanks + cell.paint(cell.text) : cell.paint(cell.text) + blanks
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        let isNumber = [false, true, true, true, true, false, true, true]
        let head = zip(heads, isNumber).map { Cell(text: $0, paint: style.bold, isNumber: $1) }
        var lines = [line("WORKER", head, style.bold)]
        for (index, row) in rows.enumerated() {
            lines.append(line(labels[index], bodies[index]))
            lines += Words.wrapped(row.remarks(now: now), width: width ?? .max, indent: 2)
                .map { row.isTrouble ? style.bad($0) : style.dim($0) }
        }
        return lines
    }

    private static func cells(_ row: WorkerRow, _ now: Int64, _ style: Style) -> [Cell] {
        let isTight = row.softKB > 0 && row.memoryKB > row.softKB
        let since = row.sinceMilliseconds > 0 ? Words.short(milliseconds: now - row.sinceMilliseconds) : "-"
        return [
            Cell(text: row.state, paint: { style.state(row.state, $0) }),
            Cell(text: row.isLiving ? Words.whole(kilobytes: row.memoryKB) : "-", isNumber: true),
            Cell(text: row.peakKB > 0 ? Words.whole(kilobytes: row.peakKB) : "-", isNumber: true),
            Cell(text: row.softKB > 0 ? Words.whole(kilobytes: row.softKB) : "-", isNumber: true),
            Cell(text: row.hardKB > 0 ? Words.whole(kilobytes: row.hardKB) : "-", isNumber: true),
            Cell(text: MemoryBar.text(row, width: barWidth), paint: { isTight ? style.bad($0) : $0 }),
            Cell(
                text: String(min(row.restarts, 99_999)),
                paint: { row.restarts > 0 ? style.careful($0) : $0 },
                isNumber: true
            ),
            Cell(text: since, isNumber: true),
        ]
    }

    /// The names in full where they fit, else without `:default`, else cut.
    static func names(_ rows: [WorkerRow], fitting width: Int?) -> [String] {
        rows.map { row in
            guard let width, row.id.count > width else { return row.id }
            let isUnique = !rows.contains { $0.id != row.id && $0.shortName == row.shortName }
            let name = isUnique ? row.shortName : row.id
            return name.count <= width ? name : String(name.prefix(max(1, width - 1))) + "~"
        }
    }
}
