internal import Runtime

/// How long ago something was, of times that come over a socket.
enum Age {
    /// In five characters at most; `-` when nobody knows.
    static func short(_ at: JSON?, now: Int64) -> String {
        guard let milliseconds = since(at, now: now) else { return "-" }
        return Words.short(milliseconds: milliseconds)
    }

    /// `2026-11-22T14:17:03.120Z (3 m 5 s ago)`; empty when nobody knows.
    static func long(_ at: JSON?, now: Int64) -> String {
        guard let at = at?.integer, let milliseconds = since(.integer(at), now: now) else { return "" }
        let distance = Words.duration(milliseconds: abs(milliseconds))
        return "\(Words.time(milliseconds: at)) (\(milliseconds < 0 ? "in \(distance)" : "\(distance) ago"))"
    }

    /// nil for what is no time: nothing before 1970 and nothing behind the year 9999.
    private static func since(_ at: JSON?, now: Int64) -> Int64? {
        guard let at = at?.integer, at > 0, at < 253_402_300_800_000 else { return nil }
        return now - at
    }
}
