extension Duration {
    /// `0.25 s`, `30 s`, `10 min`: what a log line says.
    package var inWords: String {
        let milliseconds = max(0, wholeMilliseconds)
        if milliseconds >= 120_000, milliseconds % 60_000 == 0 { return "\(milliseconds / 60_000) min" }
        let (whole, part) = (milliseconds / 10).quotientAndRemainder(dividingBy: 100)
        if part == 0 { return "\(whole) s" }
        return part % 10 == 0 ? "\(whole).\(part / 10) s" : "\(whole).\(part < 10 ? "0" : "")\(part) s"
    }
}
