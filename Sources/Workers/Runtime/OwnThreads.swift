internal import Glibc

/// What the threads of this process are waiting for.
enum OwnThreads {
    /// Whether one of them waits where no signal reaches (state D of proc_pid_stat(5)): for the disk, in practice.
    static func someWaitForDisk() -> Bool {
        guard let directory = opendir("/proc/self/task") else { return false }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if Int32(name) != nil, state(of: name) == UInt8(ascii: "D") { return true }
        }
        return false
    }

    private static func state(of thread: String) -> UInt8? {
        let file = open("/proc/self/task/\(thread)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        return state(in: bytes.prefix(max(0, count)))
    }

    /// The state in a line of `stat`: `17 (a name) S 1 …`. The name may hold anything, parentheses too.
    static func state(in line: some BidirectionalCollection<UInt8>) -> UInt8? {
        guard let end = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        return line[end...].dropFirst(2).first
    }
}
