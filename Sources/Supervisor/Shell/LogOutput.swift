internal import Glibc

/// Where the log goes: a stream on loan, or the journal's socket.
final class LogOutput {
    /// Not more than this at once, and only when poll says that it fits: an inherited pipe stays blocking, because
    /// O_NONBLOCK would be set for everybody who shares it.
    private static let chunk = Int(PIPE_BUF)
    static let journalSocket = "/run/systemd/journal/socket"

    private(set) var format = LogFormat.text
    /// Nobody will ever read it.
    private(set) var isGone = false
    private let stream: Int32
    private let journalPath: String
    private var journal: DatagramSocket?

    /// How a write ended.
    enum Outcome {
        case taken
        case blocked
        /// What was waiting is dropped and counted.
        case refused
    }

    init(stream: Int32, journalPath: String = LogOutput.journalSocket) {
        self.stream = stream
        self.journalPath = journalPath
    }

    var fd: Int32 { journal?.fd ?? stream }

    /// Changes the format; with a journal that cannot be reached it becomes text.
    func use(_ format: LogFormat) throws(Errno) {
        journal = nil
        self.format = format
        guard format == .journal else { return }
        self.format = .text
        journal = try DatagramSocket(connectedTo: journalPath)
        self.format = .journal
    }

    /// Whether `stream` is the journal's own end of our standard output: JOURNAL_STREAM is its device and inode
    /// (systemd.exec(5)).
    static func isJournal(_ stream: Int32, _ variable: String?) -> Bool {
        var facts = stat()
        guard let variable, fstat(stream, &facts) == 0 else { return false }
        return variable == "\(facts.st_dev):\(facts.st_ino)"
    }

    /// Writes a piece.
    func write(_ buffer: inout LogBuffer) -> Outcome {
        journal == nil ? writeStream(&buffer) : writeJournal(&buffer)
    }

    private func writeStream(_ buffer: inout LogBuffer) -> Outcome {
        var poll = pollfd(fd: stream, events: Int16(POLLOUT), revents: 0)
        guard Glibc.poll(&poll, 1, 0) > 0 else { return .blocked }
        let stream = stream
        var failure: Int32 = 0
        let taken = buffer.drain(chunk: Self.chunk) { bytes in
            let count = Glibc.write(stream, bytes.baseAddress, bytes.count)
            failure = count < 0 ? errno : 0
            return count
        }
        if taken > 0 || failure == EINTR { return .taken }
        if failure == EAGAIN { return .blocked }
        // A full disk may have room again for the next line; a broken pipe has no reader for ever.
        isGone = failure == EPIPE || failure == EBADF
        buffer.discard()
        return .refused
    }

    private func writeJournal(_ buffer: inout LogBuffer) -> Outcome {
        var outcome = Outcome.taken
        var failure: Errno?
        buffer.drainRecord { bytes in
            guard let start = bytes.baseAddress else { return true }
            do throws(Errno) {
                if try journal?.send(start, count: bytes.count) == true { return true }
                outcome = .blocked
            } catch {
                failure = error
            }
            return false
        }
        guard failure != nil else { return outcome }
        // The journal was started anew with another socket, or it is gone: standard output is still there.
        buffer.discard()
        do {
            try use(.journal)
        } catch {
            try? use(.text)
        }
        return .refused
    }
}
