internal import Glibc
internal import Runtime

/// One session's JSONL file: header, then entries, only ever appended to.
///
/// Used by one turn at a time (the gateway's lanes, and the desk's own guard).
struct Transcript {
    let path: String
    let sessionID: String
    let workspace: String

    /// Most bytes that are read of a transcript for a turn.
    static let readLimit = 4 * 1024 * 1024
    /// How far back the beginning of a torn line is looked for. Lines of ours are much shorter.
    static let tornLineLimit = 8 * 1024 * 1024

    /// What stands at the end of the file.
    struct Tail {
        var entries: [TranscriptEntry] = []
        /// False when only the end of a large file was read.
        var isWhole = true
        /// Lines that are not JSON objects: left in the file, not understood.
        var skippedLines = 0
        /// Id of the last entry, the parent of the next one.
        var lastID: String?

        /// The entry with this id.
        func entry(_ id: String) -> TranscriptEntry? { entries.last { $0.id == id } }
    }

    /// What `append` had to put right before it could write.
    enum Repair: Equatable {
        case none
        /// The last line was whole but for its line feed.
        case lineFeed
        /// The last line was torn by a crash; so many bytes of it were taken away.
        case torn(bytes: Int)
    }

    /// Reads at most the last `limit` bytes. A last line that a crash has torn is not an entry.
    func read(limit: Int = Transcript.readLimit) throws(DiskError) -> Tail {
        guard let slice = try Disk.tail(path, limit: limit) else { return Tail() }
        return Self.parse(slice)
    }

    static func parse(_ slice: Disk.Slice) -> Tail {
        var tail = Tail()
        tail.isWhole = slice.offset == 0
        var lines = slice.bytes[...]
        if !tail.isWhole {
            // The first line is cut by the window.
            guard let end = lines.firstIndex(of: UInt8(ascii: "\n")) else { return tail }
            lines = lines[(end + 1)...]
        }
        let isTornPossible = lines.last != UInt8(ascii: "\n")
        let parts = lines.split(separator: UInt8(ascii: "\n"))
        for (index, line) in parts.enumerated() {
            guard case .object(let object)? = try? JSON(parsing: line) else {
                if !(isTornPossible && index == parts.count - 1) { tail.skippedLines += 1 }
                continue
            }
            let entry = TranscriptEntry(object: object)
            if entry.type == "session" { continue }
            tail.entries.append(entry)
            if let id = entry.id { tail.lastID = id }
        }
        return tail
    }

    /// Appends entries in one write, the header first when the file is new. A torn last line is taken away before.
    ///
    /// - Parameter sync: returns only after the bytes are on the disk.
    @discardableResult
    func append(_ entries: [TranscriptEntry], sync: Bool, now: Int64) throws(DiskError) -> Repair {
        let fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw .last("write", path) }
        defer { close(fd) }
        let (repair, size) = try repair(fd)
        var bytes: [UInt8] = repair == .lineFeed ? [UInt8(ascii: "\n")] : []
        if size == 0 {
            bytes += TranscriptMessage.header(sessionID: sessionID, workspace: workspace, now: now).encoded()
        }
        for entry in entries { bytes += entry.encoded() }
        do throws(DiskError) {
            try Disk.append(bytes, to: fd, path)
        } catch {
            // Half a line must not be what the next one is glued to.
            ftruncate(fd, off_t(size))
            throw error
        }
        if sync, fsync(fd) != 0 { throw .last("write", path) }
        return repair
    }

    /// Returns what was wrong and the size after it was put right.
    private func repair(_ fd: Int32) throws(DiskError) -> (Repair, Int) {
        let size = try Disk.size(of: fd, path)
        guard size > 0 else { return (.none, 0) }
        let last = try Disk.read(fd, size - 1..<size, path)
        guard last != [UInt8(ascii: "\n")] else { return (.none, size) }
        let start = max(0, size - Self.tornLineLimit)
        let window = try Disk.read(fd, start..<size, path)
        let lineFeed = window.lastIndex(of: UInt8(ascii: "\n"))
        guard let lineStart = lineFeed.map({ $0 + 1 }) ?? (start == 0 ? 0 : nil) else { return (.lineFeed, size) }
        if (try? JSON(parsing: window[lineStart...])) != nil { return (.lineFeed, size) }
        guard ftruncate(fd, off_t(start + lineStart)) == 0 else { throw .last("repair", path) }
        return (.torn(bytes: window.count - lineStart), start + lineStart)
    }
}
