internal import Glibc

/// This process's own memory, for its heartbeat.
enum OwnMemory {
    /// Proportional set size in KiB from `/proc/self/smaps_rollup`; nil where that cannot be read.
    static func proportionalKB() -> Int64? {
        let file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        for line in bytes[..<count].split(separator: UInt8(ascii: "\n")) where line.starts(with: "Pss:".utf8) {
            return Int64(String(decoding: line.dropFirst(4).filter { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self))
        }
        return nil
    }
}
