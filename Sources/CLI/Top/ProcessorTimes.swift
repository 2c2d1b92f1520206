internal import Glibc

/// How much processor time each worker uses, out of /proc: a worker is a session, so everything that it started and
/// that stayed in its session counts.
struct ProcessorTimes {
    /// Clock ticks by session at the last look.
    private var ticks: [Int64: UInt64] = [:]
    private var lookedAt: Int64 = 0
    private let ticksPerSecond = max(1, Int64(sysconf(Int32(_SC_CLK_TCK))))

    /// Percent of one processor since the last look, in tenths, by pid; empty at the first. `now` in milliseconds of
    /// any clock that only goes forward.
    mutating func look(at pids: [Int64], now: Int64) -> [Int64: Int64] {
        var sums: [Int64: UInt64] = [:]
        let wanted = Set(pids)
        for pid in Self.processes() {
            guard let (session, ticks) = Self.stat(of: pid), wanted.contains(session) else { continue }
            sums[session, default: 0] &+= ticks
        }
        defer { (ticks, lookedAt) = (sums, now) }
        let elapsed = now - lookedAt
        guard lookedAt > 0, elapsed > 0 else { return [:] }
        var result: [Int64: Int64] = [:]
        for (pid, sum) in sums {
            guard let before = ticks[pid] else { continue }
            // A child that ended takes its ticks with it.
            let used = Int64(clamping: sum >= before ? sum - before : 0)
            result[pid] = min(used, 1 << 40) * 1_000_000 / (ticksPerSecond * elapsed)
        }
        return result
    }

    /// Session and ticks of a line of /proc/PID/stat; the name in parentheses may hold anything.
    static func parse(_ text: String) -> (session: Int64, ticks: UInt64)? {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ", maxSplits: 14)
        guard fields.count > 13, let session = Int64(fields[3]), let user = UInt64(fields[11]),
            let system = UInt64(fields[12])
        else { return nil }
        return (session, user &+ system)
    }

    private static func stat(of pid: String) -> (session: Int64, ticks: UInt64)? {
        let fd = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = read(fd, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return parse(String(decoding: bytes[..<count], as: UTF8.self))
    }

    private static func processes() -> [String] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.first?.isNumber == true { names.append(name) }
        }
        return names
    }
}
