/// Figures over time in one line.
enum Sparkline {
    private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    /// For a terminal that shows no UTF-8: the higher, the more ink.
    private static let letters: [Character] = ["_", ".", "-", "=", "+", "*", "%", "#"]

    /// A character for each sample, the oldest first; a blank for nothing.
    ///
    /// - Parameter top: what fills a cell; a sample of it or above does.
    static func text(_ samples: [Int64], top: Int64, isUTF8: Bool) -> String {
        let marks = isUTF8 ? blocks : letters
        return String(samples.map { $0 <= 0 ? " " : marks[level($0, top)] })
    }

    private static func level(_ value: Int64, _ top: Int64) -> Int {
        guard top > 0 else { return 0 }
        return Int(min(7, max(0, Double(value) / Double(top) * 8)))
    }
}
