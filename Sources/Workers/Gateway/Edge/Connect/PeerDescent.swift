internal import Glibc

/// Whether a process belongs to this gateway's own tree. A worker that was taken over runs as the owner of the state too
/// (agents do), and must not become the gateway's admin by dialling its socket (`docs/decisions/0135`).
enum PeerDescent {
    /// What `/proc/PID/stat` says that matters here.
    struct Facts: Sendable, Equatable {
        var parent: Int32
        var session: Int32
    }

    /// True when `pid` is one of `tree` or descends from one, and when /proc does not tell: the answer opens a door.
    ///
    /// Orphans of workers become children of the supervisor, which is a subreaper; and every worker has a session of its
    /// own, which its descendants keep unless they leave it on purpose.
    static func isOwn(_ pid: Int32, tree: Set<Int32>, facts: (Int32) -> Facts? = facts) -> Bool {
        guard pid > 0 else { return true }
        var current = pid
        // Deeper trees do not exist within pid_max; a parent that changes under the walk cannot make it endless.
        for _ in 0..<4096 {
            if tree.contains(current) { return true }
            if current <= 1 { return false }
            guard let facts = facts(current) else { return true }
            if tree.contains(facts.session) { return true }
            current = facts.parent
        }
        return true
    }

    /// Of a process that lives.
    static func facts(of pid: Int32) -> Facts? {
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return parse(String(decoding: bytes[..<count], as: UTF8.self))
    }

    /// The name in parentheses is the process's own to choose: only what follows the last `)` counts.
    static func parse(_ text: String) -> Facts? {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count >= 4, let parent = Int32(fields[1]), let session = Int32(fields[3]) else { return nil }
        return Facts(parent: parent, session: session)
    }
}
