internal import FoundationEssentials

/// Dates and durations as providers write them. Everything is bounded at 31 days: what asks for more is a mistake.
package enum WireTime {
    static let limit = Duration.seconds(31 * 86_400)

    /// A plain number that is not negative, at most 1e10.
    static func number(_ text: String) -> Double? {
        guard let value = Double(text.trimmingPrefix { $0 == " " }), value >= 0, value.isFinite else { return nil }
        return min(value, 1e10)
    }

    /// "1s", "6m0s", "1h2m3.5s", "20ms": Go's durations, and Google's "34.4s". nil when it is none.
    package static func goDuration(_ text: String) -> Duration? {
        var rest = text[...]
        guard !rest.isEmpty, text.utf8.count <= 40 else { return nil }
        var seconds = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let value = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            switch unit {
            case "h": seconds += value * 3600
            case "m": seconds += value * 60
            case "s": seconds += value
            case "ms": seconds += value / 1000
            case "us", "ns": break
            case "d": seconds += value * 86_400
            default: return nil
            }
        }
        return min(.seconds(min(seconds, 1e10)), limit)
    }

    /// Seconds since 1970 of "2026-12-01T00:00:00Z", with a fraction or an offset, or of "2026-12-01".
    static func date(_ text: String) -> Int64? {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let day = parts.first else { return nil }
        let numbers = day.split(separator: "-").map { Int64($0) }
        guard numbers.count == 3, let year = numbers[0], let month = numbers[1], let day = numbers[2],
            let days = days(year, month, day)
        else { return nil }
        guard parts.count == 2 else { return days * 86_400 }
        let clock = parts[1].prefix(8).split(separator: ":").map { Int64($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            (0..<24).contains(hour), (0..<60).contains(minute), (0...60).contains(second)
        else { return nil }
        var offset: Int64 = 0
        if let sign = parts[1].dropFirst(8).lastIndex(where: { $0 == "+" || $0 == "-" }) {
            let zone = parts[1][parts[1].index(after: sign)...].split(separator: ":").map { Int64($0) }
            guard let hours = zone.first ?? nil, (0..<24).contains(hours) else { return nil }
            let minutes = zone.count > 1 ? (zone[1] ?? 0) : 0
            offset = (hours * 3600 + min(max(minutes, 0), 59) * 60) * (parts[1][sign] == "-" ? -1 : 1)
        }
        return days * 86_400 + hour * 3600 + minute * 60 + second - offset
    }

    /// Seconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
    static func httpDate(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]), let year = Int64(words[3]),
            let month = months.firstIndex(of: String(words[2]))
        else { return nil }
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return date("\(year)-\(two(Int64(month) + 1))-\(two(day))T\(words[4])Z")
    }

    /// The wait until `date`, none for what is past.
    static func until(_ date: Int64, now: Int64) -> Duration {
        let (seconds, overflow) = date.subtractingReportingOverflow(now)
        return overflow ? .zero : min(.seconds(max(0, seconds)), limit)
    }

    /// The day that a sentence names for the end of a spend limit: "You will regain access on 2026-12-01 at 00:00 UTC".
    static func resumption(in message: String, now: Int64) -> Duration? {
        for word in message.split(whereSeparator: { $0 == " " || $0 == "," }).prefix(200) {
            let text = word.prefix(25)
            guard text.utf8.count >= 10, text.first?.isNumber == true else { continue }
            let clean = text.last == "." ? text.dropLast() : text
            if let date = date(String(clean)), date > now { return until(date, now: now) }
        }
        return nil
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Days from 1970-01-01 to a day of the Gregorian calendar (Howard Hinnant's days_from_civil).
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64? {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
