package import IPCControl

/// One line of the log, redacted, ready for output.
package struct LogLine: Sendable, Equatable {
    /// Its place among all lines since the start.
    package var sequence: UInt64
    package var atMilliseconds: Int64
    /// nil for the supervisor's own.
    package var worker: WorkerID?
    package var incarnation: UInt64
    /// `[subsystem] message`.
    package var text: String

    package var level: LogLevel { LogLevel(of: parts.message.utf8) }

    var workerName: String { worker?.rawValue ?? "supervisor" }

    /// The text taken apart at the end of `[subsystem]`.
    var parts: (subsystem: String, message: String) {
        let bytes = text.utf8
        guard bytes.first == UInt8(ascii: "["), let end = bytes.firstIndex(of: UInt8(ascii: "]")) else {
            return ("", text)
        }
        let message = bytes[bytes.index(after: end)...].drop { $0 == UInt8(ascii: " ") }
        return (String(text[bytes.index(after: bytes.startIndex)..<end]), String(message) ?? "")
    }
}

/// The last lines of one worker, at most `limit` bytes of them. Grows with what is there.
package struct LogRing: Sendable {
    package static let limit = 64 * 1024
    /// What a line costs besides its text.
    static let overhead = 64

    private var lines: [LogLine] = []
    private var first = 0
    private var size = 0

    package init() {}

    /// Oldest first.
    package var all: ArraySlice<LogLine> { lines[first...] }

    package mutating func append(_ line: LogLine) {
        lines.append(line)
        size += line.text.utf8.count + Self.overhead
        while size > Self.limit, first < lines.count {
            size -= lines[first].text.utf8.count + Self.overhead
            lines[first].text = ""
            first += 1
        }
        if first > 32, first > lines.count / 2 {
            lines.removeFirst(first)
            first = 0
        }
    }
}
