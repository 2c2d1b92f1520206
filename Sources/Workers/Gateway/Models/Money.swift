/// Amounts as people read them.
enum Money {
    /// `$0.0042`, `$1.50`, `$1200`: as many places as say something.
    static func text(_ dollars: Double) -> String {
        guard dollars.isFinite else { return "$?" }
        let size = abs(dollars)
        let places = size == 0 || size >= 1 ? 2 : size >= 0.01 ? 3 : 5
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        guard let scaled = Int64(exactly: (size * scale).rounded()), let unit = Int64(exactly: scale) else {
            return "$?"
        }
        var fraction = String(scaled % unit)
        while fraction.count < places { fraction = "0" + fraction }
        return "\(dollars < 0 ? "-" : "")$\(scaled / unit).\(fraction)"
    }

    static func text(nanodollars: Int64) -> String { text(Double(nanodollars) / 1e9) }
}
