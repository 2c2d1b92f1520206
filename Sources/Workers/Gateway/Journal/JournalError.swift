internal import CSQLite
internal import Glibc

/// Why the journal could not do what it was asked.
package enum JournalError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No space. Nothing of the transition is journaled.
    case full
    /// The disk refused to read or write for another reason than its space; in words for the operator, with what to do.
    /// Nothing of the transition is journaled.
    case failing(String)
    /// More transitions wait for the writer than it takes.
    case overloaded
    /// The writer was closed.
    case closed
    /// The state directory or the file cannot be used; in words for the operator, with what to do.
    case unusable(String)
    /// The file is not a journal, or is damaged.
    case corrupt(String)
    /// SQLite refused for another reason: its code and words.
    case failed(code: Int32, text: String)

    package var description: String {
        switch self {
        case .full: "the disk that holds the state directory is full: free some space"
        case .overloaded: "more waits for the journal than it takes"
        case .closed: "the journal is closed"
        case .unusable(let text), .failing(let text): text
        case .corrupt(let text): "the journal is damaged: \(text)"
        case .failed(let code, let text): "the journal refused: \(text) (SQLite \(code))"
        }
    }

    /// Whether the disk may take it later: what must land waits for that.
    var isOfDisk: Bool {
        switch self {
        case .full, .failing: true
        case .overloaded, .closed, .unusable, .corrupt, .failed: false
        }
    }

    /// What SQLite says.
    ///
    /// - Parameters:
    ///   - code: an extended result code (sqlite.org/rescode.html).
    ///   - text: SQLite's words for it.
    ///   - errno: what the system said last to SQLite; 0: nothing.
    ///   - path: the journal's file.
    init(sqlite code: Int32, _ text: String, errno: Int32, path: String) {
        switch code & 0xFF {
        // A write that finds no space is SQLITE_FULL, but that of the WAL's index (SQLITE_IOERR_SHMSIZE) an I/O error, and
        // so is what goes beyond a quota.
        case SQLITE_FULL: self = .full
        case SQLITE_IOERR where errno == ENOSPC || errno == EDQUOT: self = .full
        case SQLITE_IOERR:
            let verb =
                switch code >> 8 {
                case 1, 2: "read"
                case 3: "written"
                case 4, 5: "forced to disk"
                case 6: "shortened"
                default: "used"
                }
            let why = errno == 0 ? text : String(cString: strerror(errno))
            self = .failing(
                "\(path) cannot be \(verb): \(why) (SQLite \(code)). It is tried again until it works; what the kernel says of the disk:  dmesg | tail"
            )
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(text)
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM: self = .unusable(text)
        case SQLITE_BUSY, SQLITE_LOCKED: self = .unusable("another process holds the journal (\(text))")
        default: self = .failed(code: code, text: text)
        }
    }
}
