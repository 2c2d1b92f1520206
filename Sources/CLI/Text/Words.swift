/// Figures in words.
enum Words {
    /// `3 d 4 h`, `12 m 5 s`, `0 s`: the two largest units.
    static func duration(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        let parts = [(seconds / 86400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
        let first = parts.firstIndex { $0.0 > 0 } ?? 3
        return parts[first...].prefix(2).filter { $0.0 > 0 || $0.1 == parts[first].1 }
            .map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    /// `12.3 MB`, `128 MB`; mebibytes.
    static func megabytes(kilobytes: Int64) -> String {
        let tenths = min(max(0, kilobytes), 1 << 50) * 10 / 1024
        return tenths < 1000 ? "\(tenths / 10).\(tenths % 10) MB" : "\(tenths / 10) MB"
    }

    /// `#####-----`: how much of the whole is used.
    static func bar(_ used: Int64, of whole: Int64, width: Int = 10) -> String {
        guard whole > 0 else { return String(repeating: "-", count: width) }
        let share = Double(max(0, used)) / Double(whole) * Double(width)
        let filled = used <= 0 ? 0 : min(width, max(1, Int(min(share, Double(width)))))
        return String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    }

    /// `2026-11-22T14:17:03.120Z`.
    static func time(milliseconds: Int64) -> String {
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        guard milliseconds >= 0 else { return "-" }
        // Civil date from days since 1970 (Howard Hinnant's algorithm).
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { pad($0, 2) }.joined(separator: ":")
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(clock).\(pad(rest % 1000, 3))Z"
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
