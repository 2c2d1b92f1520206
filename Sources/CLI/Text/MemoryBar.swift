/// A worker's memory against its budget, in a line of characters: `####++-|--`. What is used, what it once was at most,
/// the soft limit, and the end of the bar as the hard limit.
enum MemoryBar {
    static func text(_ row: WorkerRow, width: Int) -> String {
        guard row.hardKB > 0, width > 0 else { return String(repeating: " ", count: max(0, width)) }
        let used = row.isLiving ? filled(row.memoryKB, of: row.hardKB, width) : 0
        let peak = max(used, filled(row.peakKB, of: row.hardKB, width))
        let soft =
            row.softKB > 0 && row.softKB < row.hardKB ? min(width - 1, filled(row.softKB, of: row.hardKB, width)) : -1
        return String(
            (0..<width).map { cell -> Character in
                if cell < used { return "#" }
                if cell == soft { return "|" }
                return cell < peak ? "+" : "-"
            }
        )
    }

    /// How many cells `amount` fills: one at least when there is anything.
    static func filled(_ amount: Int64, of whole: Int64, _ width: Int) -> Int {
        guard amount > 0, whole > 0 else { return 0 }
        let share = Double(amount) / Double(whole) * Double(width)
        return min(width, max(1, Int(min(share, Double(width)))))
    }
}
