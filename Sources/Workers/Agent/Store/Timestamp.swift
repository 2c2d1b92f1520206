internal import Glibc

/// Milliseconds since 1970 as people and OpenClaw's files write them, without a formatter (which would link ICU).
enum Timestamp {
    /// The wall clock.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Makes `name` (IANA) the zone of `localMinute`. To be called before the process has a second thread.
    static func useZone(_ name: String) {
        setenv("TZ", name, 1)
        tzset()
    }

    /// `2026-11-22T14:30:05.123Z`.
    static func iso(_ milliseconds: Int64) -> String {
        let parts = parts(milliseconds)
        return "\(parts.day)T\(parts.minute):\(pad(parts.second, 2)).\(pad(parts.millisecond, 3))Z"
    }

    /// `2026-11-22 14:30 UTC`.
    static func minute(_ milliseconds: Int64) -> String {
        let parts = parts(milliseconds)
        return "\(parts.day) \(parts.minute) UTC"
    }

    /// `2026-11-22 15:30 CET`, in the zone of this process (`TZ`).
    static func localMinute(_ milliseconds: Int64) -> String {
        let bounded = min(max(milliseconds, 0), 253_402_300_799_999)
        var seconds = time_t(bounded / 1000)
        var calendar = tm()
        localtime_r(&seconds, &calendar)
        let day = "\(pad(calendar.tm_year + 1900, 4))-\(pad(calendar.tm_mon + 1, 2))-\(pad(calendar.tm_mday, 2))"
        let zone = calendar.tm_zone.map { String(cString: $0) } ?? ""
        return "\(day) \(pad(calendar.tm_hour, 2)):\(pad(calendar.tm_min, 2))\(zone.isEmpty ? "" : " \(zone)")"
    }

    /// `2026-11-22`.
    static func day(_ milliseconds: Int64) -> String { parts(milliseconds).day }

    /// `3 s`, `5 min`, `2 h 10 min`, `4 d 3 h`.
    static func duration(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min"
        case ..<86400: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86400) d \(seconds / 3600 % 24) h"
        }
    }

    /// Milliseconds from `2026-11-22T14:30:05.123Z`; nil for anything else.
    static func parse(iso text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes[23] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int32? {
            bytes[range].reduce(Int32?(0)) { sum, byte in
                guard let sum, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                return sum * 10 + Int32(byte - UInt8(ascii: "0"))
            }
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let millisecond = number(20..<23)
        else { return nil }
        var calendar = tm()
        calendar.tm_year = year - 1900
        calendar.tm_mon = month - 1
        calendar.tm_mday = day
        calendar.tm_hour = hour
        calendar.tm_min = minute
        calendar.tm_sec = second
        return Int64(timegm(&calendar)) * 1000 + Int64(millisecond)
    }

    private struct Parts {
        var day: String
        var minute: String
        var second: Int32
        var millisecond: Int32
    }

    /// Bounded to the years that have four digits.
    private static func parts(_ milliseconds: Int64) -> Parts {
        let bounded = min(max(milliseconds, 0), 253_402_300_799_999)
        var seconds = time_t(bounded / 1000)
        var calendar = tm()
        gmtime_r(&seconds, &calendar)
        return Parts(
            day: "\(pad(calendar.tm_year + 1900, 4))-\(pad(calendar.tm_mon + 1, 2))-\(pad(calendar.tm_mday, 2))",
            minute: "\(pad(calendar.tm_hour, 2)):\(pad(calendar.tm_min, 2))",
            second: calendar.tm_sec,
            millisecond: Int32(bounded % 1000)
        )
    }

    private static func pad(_ number: Int32, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
