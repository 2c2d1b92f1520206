internal import Glibc

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

    /// In five characters at most: `45s`, `12m`, `3h05m`, `26h`, `12d`.
    static func short(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<36_000: return "\(seconds / 3600)h\(pad(seconds / 60 % 60, 2))m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(min(seconds / 86_400, 9999))d"
        }
    }

    /// How long something took: `23 ms`, `1.4 s`, `12 s`, `3 m 20 s`.
    static func took(milliseconds: Int64) -> String {
        guard milliseconds >= 1000 else { return "\(max(0, milliseconds)) ms" }
        return milliseconds < 10_000
            ? "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s" : duration(milliseconds: milliseconds)
    }

    /// Whole mebibytes, the nearest number, 1 for anything at all.
    static func whole(kilobytes: Int64) -> String {
        guard kilobytes > 0 else { return "0" }
        return String(min(kilobytes, 1 << 50) / 1024 + (kilobytes % 1024 >= 512 || kilobytes < 1024 ? 1 : 0))
    }

    /// Without anything that a terminal would obey: control characters, and those that turn the writing round.
    static func plain(_ text: String) -> String {
        func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: false
            default: true
            }
        }
        guard !text.unicodeScalars.allSatisfy(isHarmless) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isHarmless($0) ? $0 : " " }))
    }

    /// With blanks behind it up to `width`.
    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Lines of `width` columns at most, broken at blanks where there are any, each behind `indent` blanks.
    static func wrapped(_ text: String, width: Int, indent: Int) -> [String] {
        let room = width == .max ? Int.max : max(10, width - indent)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            var word = Substring(word)
            while word.count > room {
                if !line.isEmpty { lines.append(line) }
                line = ""
                lines.append(String(word.prefix(room)))
                word = word.dropFirst(room)
            }
            if !line.isEmpty, line.count + 1 + word.count > room {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        if !line.isEmpty { lines.append(line) }
        return lines.map { String(repeating: " ", count: indent) + $0 }
    }

    /// Behind blanks up to `width`.
    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// `1.2` for 12, `120` for 1200.
    static func tenths(_ number: Int64) -> String {
        let number = max(0, number)
        return number < 1000 ? "\(number / 10).\(number % 10)" : "\(number / 10)"
    }

    /// The time of day here, `14:17:03`.
    static func clock(milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var fields = tm()
        localtime_r(&seconds, &fields)
        return [fields.tm_hour, fields.tm_min, fields.tm_sec].map { pad(Int64($0), 2) }.joined(separator: ":")
    }

    /// `12.3 MB`, `128 MB`, `23.5 GB`; mebibytes and gibibytes.
    static func megabytes(kilobytes: Int64) -> String {
        let tenths = min(max(0, kilobytes), 1 << 50) * 10 / 1024
        if tenths >= 102_400 { return "\(tenths / 10_240).\(tenths / 1024 % 10) GB" }
        return tenths < 1000 ? "\(tenths / 10).\(tenths % 10) MB" : "\(tenths / 10) MB"
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
