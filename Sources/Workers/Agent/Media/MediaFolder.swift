internal import Glibc

/// Where an agent's files lie: `<state>/media/inbound` has those that came, `outbound` copies of those that go out.
///
/// Shared by all agents and, for WebChat's attachments, by the gateway; names are unique, so nobody is in another's way.
struct MediaFolder: Equatable, Sendable {
    /// `<state>/media`; empty: there is none, and no file is taken or sent.
    let path: String

    /// Files older than this are removed.
    static let keptSeconds = 7 * 86_400
    /// Most names that one sweep looks at, so that a directory somebody filled does not hold a turn up.
    static let sweepLimit = 100_000

    var inbound: String { "\(path)/inbound" }
    var outbound: String { "\(path)/outbound" }

    /// Makes the directories.
    func make() throws(DiskError) {
        try Disk.makeDirectory(inbound)
        try Disk.makeDirectory(outbound)
    }

    /// The path of a stored file that came, when `name` is one that a file of ours can have.
    func inbound(named name: String) -> String? { Self.isPlain(name) ? "\(inbound)/\(name)" : nil }

    /// Whether `path` is that of a file directly in `inbound`.
    func holdsInbound(_ path: String) -> Bool {
        guard path.hasPrefix(inbound + "/") else { return false }
        return Self.isPlain(String(path.dropFirst(inbound.count + 1)))
    }

    /// Letters, digits, `-`, `_` and dots that do not begin it.
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".")
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }

    /// Removes what is older than `keptSeconds`. Returns how many files that were; what cannot be removed stays.
    func sweep(now seconds: Int) -> Int { Self.sweep(inbound, now: seconds) + Self.sweep(outbound, now: seconds) }

    private static func sweep(_ directory: String, now seconds: Int) -> Int {
        guard let stream = opendir(directory) else { return 0 }
        defer { closedir(stream) }
        var (seen, removed) = (0, 0)
        while seen < sweepLimit, let entry = readdir(stream) {
            seen += 1
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            guard fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT != S_IFDIR, seconds - Int(status.st_mtim.tv_sec) > keptSeconds
            else { continue }
            if unlinkat(dirfd(stream), name, 0) == 0 { removed += 1 }
        }
        return removed
    }
}
