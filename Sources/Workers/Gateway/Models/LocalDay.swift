internal import Glibc

/// Days as the people of this machine count them.
enum LocalDay {
    /// `2026-11-23`, in the time zone of the machine (or `TZ`). The first day of 1970 for a time that is none.
    static func name(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds.dividedFlooring(1000))
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil, (70...8099).contains(parts.tm_year) else { return "1970-01-01" }
        return "\(Int(parts.tm_year) + 1900)-\(twoDigits(parts.tm_mon + 1))-\(twoDigits(parts.tm_mday))"
    }

    /// When the day of this time began: its first moment, which is not 0:00 where clocks are put forward then.
    static func start(_ milliseconds: Int64) -> Int64 {
        var seconds = time_t(milliseconds.dividedFlooring(1000))
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil, (70...8099).contains(parts.tm_year) else { return milliseconds }
        (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_isdst) = (0, 0, 0, -1)
        return min(Int64(mktime(&parts)) * 1000, milliseconds)
    }

    /// The last `count` days up to the one of this time, oldest first.
    static func last(_ count: Int, to milliseconds: Int64) -> [String] {
        var seconds = time_t(milliseconds.dividedFlooring(1000))
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return [name(milliseconds)] }
        return (0..<max(1, count)).reversed().map { back in
            // Noon is on every day; midnight is not, where clocks change at night.
            var day = parts
            (day.tm_hour, day.tm_min, day.tm_sec, day.tm_isdst) = (12, 0, 0, -1)
            day.tm_mday -= Int32(clamping: back)
            return name(Int64(mktime(&day)) * 1000)
        }
    }

    private static func twoDigits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Int64 {
    /// Rounded down, below zero too.
    fileprivate func dividedFlooring(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
