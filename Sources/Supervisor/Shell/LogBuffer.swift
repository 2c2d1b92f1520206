/// Bytes on their way to standard output, within a bound. What does not fit is dropped by whole lines and counted; the
/// count stands in the log where the gap is.
package struct LogBuffer: Sendable {
    package static let limit = 256 * 1024

    private var bytes: [UInt8] = []
    private var start = 0
    /// Lines dropped since the last that was taken.
    private var gap: UInt64 = 0
    /// Lines dropped since the start.
    package private(set) var dropped: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { start == bytes.count }

    /// Takes a line with its LF, or counts it. `note` makes the line that tells of a gap.
    package mutating func append(_ line: [UInt8], note: (UInt64) -> [UInt8]) {
        var addition = line
        if gap > 0 { addition = note(gap) + line }
        guard bytes.count - start + addition.count <= Self.limit else {
            gap += 1
            dropped += 1
            return
        }
        gap = 0
        bytes.append(contentsOf: addition)
    }

    /// Tells of a gap once everything before it is written, although no further line comes.
    package mutating func closeGap(note: (UInt64) -> [UInt8]) {
        guard isEmpty, gap > 0 else { return }
        bytes = note(gap)
        start = 0
        gap = 0
    }

    /// Offers up to `chunk` bytes; `write` says how many it took.
    package mutating func drain(chunk: Int, _ write: (UnsafeRawBufferPointer) -> Int) -> Int {
        let end = min(bytes.count, start + chunk)
        let taken = bytes[start..<end].withUnsafeBytes(write)
        start += max(0, min(taken, end - start))
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 16 * 1024)
            start = 0
        } else if start > Self.limit / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        return taken
    }

    /// Drops what is waiting, and counts it: the output refuses it.
    package mutating func discard() {
        let lines = UInt64(bytes[start...].count { $0 == UInt8(ascii: "\n") })
        gap += lines
        dropped += lines
        bytes = []
        start = 0
    }
}
