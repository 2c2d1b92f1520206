internal import CLinux
internal import Glibc

/// What `gateway.<hash8>.lock` says, in OpenClaw's JSON: `{"pid":1,"createdAt":"…","configPath":"…","startTime":2}`.
package struct LockPayload: Hashable, Sendable {
    package var pid: Int32
    /// Clock ticks since boot, field 22 of /proc/PID/stat.
    package var startTime: UInt64?
    package var configPath: String
    /// UTC, `2026-11-22T14:00:00.000Z`.
    package var createdAt: String

    package init(pid: Int32, startTime: UInt64?, configPath: String, createdAt: String) {
        self.pid = pid
        self.startTime = startTime
        self.configPath = configPath
        self.createdAt = createdAt
    }

    static func ours(configPath: String) -> LockPayload {
        LockPayload(
            pid: getpid(),
            startTime: ProcessFacts.stat(of: getpid())?.startTime,
            configPath: configPath,
            createdAt: timestamp(clinux_wall_nanoseconds())
        )
    }

    /// Finds pid and start time, and nothing else: the file is a hint for a sentence, and a parser of JSON has no place
    /// in the supervisor. Whatever does not look like it is nobody's.
    package init?(_ bytes: [UInt8]) {
        guard let pid = Self.number("pid", in: bytes).flatMap({ Int32(exactly: $0) }), pid > 0 else { return nil }
        self.init(pid: pid, startTime: Self.number("startTime", in: bytes), configPath: "", createdAt: "")
    }

    private static func number(_ key: String, in bytes: [UInt8]) -> UInt64? {
        let name = Array("\"\(key)\"".utf8)
        guard bytes.count >= name.count else { return nil }
        for start in 0...(bytes.count - name.count) where bytes[start..<start + name.count].elementsEqual(name) {
            var rest = bytes[(start + name.count)...].drop { $0 == UInt8(ascii: " ") }
            guard rest.popFirst() == UInt8(ascii: ":") else { continue }
            let digits = rest.drop { $0 == UInt8(ascii: " ") }
                .prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            return UInt64(String(decoding: digits, as: UTF8.self))
        }
        return nil
    }

    package var encoded: [UInt8] {
        var text = "{\"pid\":\(pid),\"createdAt\":\"\(createdAt)\",\"configPath\":\(JSONText.quoted(configPath))"
        if let startTime { text += ",\"startTime\":\(startTime)" }
        return Array((text + "}\n").utf8)
    }

    /// Proleptic Gregorian, by the days-from-civil method run backwards; no C library, whose gmtime reads the zone.
    static func timestamp(_ nanoseconds: Int64) -> String {
        let milliseconds = max(nanoseconds, 0) / 1_000_000
        let (days, inDay) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let clock = [inDay / 3_600_000, inDay / 60_000 % 60, inDay / 1000 % 60].map { padded($0, 2) }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(clock.joined(separator: ":"))"
            + ".\(padded(inDay % 1000, 3))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}

/// Strings as JSON, for the two small files that other programs read.
enum JSONText {
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1f}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
