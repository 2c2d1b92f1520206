internal import Glibc

/// A moment in the past as people type it: `90s`, `15m`, `3h`, `2d`, `14:05`, `2026-11-22T14:05` (both local time; with
/// a `Z` behind it UTC).
enum Since {
    /// Milliseconds since 1970, or nil for what is none of that.
    static func parse(_ text: String, now: Int64) -> Int64? {
        guard text.utf8.count <= 40 else { return nil }
        if let unit = text.last, let factor = ["s": 1, "m": 60, "h": 3600, "d": 86_400][unit] {
            guard let count = Int64(text.dropLast()), (0...100_000).contains(count) else { return nil }
            return now - count * Int64(factor) * 1000
        }
        let isUTC = text.hasSuffix("Z")
        let halves = (isUTC ? String(text.dropLast()) : text).split(
            separator: "T",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var seconds = time_t(now / 1000)
        var fields = tm()
        if isUTC { gmtime_r(&seconds, &fields) } else { localtime_r(&seconds, &fields) }
        var clock = halves.last.map(String.init) ?? ""
        if halves.count == 2 || clock.contains("-") {
            guard let date = numbers(String(halves[0]), separator: "-", count: 3...3), (1970...9999).contains(date[0]),
                (1...12).contains(date[1]), (1...31).contains(date[2])
            else { return nil }
            (fields.tm_year, fields.tm_mon, fields.tm_mday) = (date[0] - 1900, date[1] - 1, date[2])
            if halves.count == 1 { clock = "0:00" }
        }
        // A fraction of a second, as the log prints it, does not matter.
        clock = String(clock.prefix { $0 != "." })
        guard let time = numbers(clock, separator: ":", count: 2...3), (0...23).contains(time[0]),
            (0...59).contains(time[1]), (0...60).contains(time.count > 2 ? time[2] : 0)
        else { return nil }
        (fields.tm_hour, fields.tm_min, fields.tm_sec) = (time[0], time[1], time.count > 2 ? time[2] : 0)
        fields.tm_isdst = -1
        let moment = Int64(isUTC ? timegm(&fields) : mktime(&fields)) * 1000
        // A time of day that is still to come was yesterday.
        return halves.count == 1 && moment > now ? moment - 86_400_000 : moment
    }

    private static func numbers(_ text: String, separator: Character, count: ClosedRange<Int>) -> [Int32]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.count <= 4 && $0.allSatisfy(\.isNumber) ? Int32($0) : nil }
        return numbers.count == parts.count && count.contains(numbers.count) ? numbers : nil
    }
}
