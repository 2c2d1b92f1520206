/// Records on their way to the output, first in first out, within a bound. What does not fit is dropped by whole lines
/// and counted; the count stands in the log where the gap is.
///
/// A source may hold as many bytes as are free: one that floods gets half of the buffer, two get a third each, and
/// there is always room left for a line of one that was quiet (the dynamic threshold of shared-memory switches,
/// Choudhury and Hahne 1998).
package struct LogBuffer: Sendable {
    package static let limit = 256 * 1024
    /// What a record costs besides its bytes.
    package static let overhead = 16
    /// Who wrote a line: a number that the caller chooses.
    package typealias Source = UInt32

    private struct Record {
        var length: Int32
        var source: Source
        /// Not 0 in a note: so many lines it tells of.
        var gap: UInt64
    }

    private struct Share {
        /// Bytes and overhead of what waits.
        var waiting = 0
        /// Lines dropped since the last that was taken.
        var gap: UInt64 = 0
    }

    private var bytes: [UInt8] = []
    private var start = 0
    private var records: [Record] = []
    private var first = 0
    /// Bytes of the first record that are written already.
    private var headTaken = 0
    private var shares: [Source: Share] = [:]
    private var used = 0
    /// Lines dropped since the start.
    package internal(set) var dropped: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { first == records.count }

    /// Whether something of a source waits or has still to be told.
    package func holds(_ source: Source) -> Bool { shares[source] != nil }

    /// Takes a record, or counts it. `note` makes the record that tells of a gap.
    package mutating func append(_ record: [UInt8], from source: Source, note: (Source, UInt64) -> [UInt8]) {
        let share = shares[source] ?? Share()
        var cost = record.count + Self.overhead
        var notice: [UInt8] = []
        if share.gap > 0, share.waiting + cost <= Self.limit - used {
            notice = note(source, share.gap)
            cost += notice.count + Self.overhead
        }
        guard share.waiting + cost <= Self.limit - used else {
            shares[source, default: Share()].gap += 1
            dropped += 1
            return
        }
        if share.gap > 0 { enqueue(notice, source, gap: share.gap) }
        enqueue(record, source, gap: 0)
    }

    /// What waits, first in first out, and after it the gaps that nobody was told of: for another image of this
    /// supervisor. Of a record that was written in part, the rest.
    package struct Remainder: Sendable, Equatable {
        package var source: Source
        package var bytes: [UInt8]
        /// Not 0 in a note, or without bytes: so many lines.
        package var gap: UInt64
    }

    package var remainders: [Remainder] {
        var all: [Remainder] = []
        var (at, taken) = (start, headTaken)
        for record in records[first...] {
            let end = at + Int(record.length) - taken
            all.append(Remainder(source: record.source, bytes: Array(bytes[at..<end]), gap: record.gap))
            (at, taken) = (end, 0)
        }
        for (source, share) in shares where share.gap > 0 {
            all.append(Remainder(source: source, bytes: [], gap: share.gap))
        }
        return all
    }

    /// Goes on with what another image left.
    package mutating func adopt(_ remainder: Remainder) {
        if remainder.bytes.isEmpty {
            shares[remainder.source, default: Share()].gap = remainder.gap
        } else if used + remainder.bytes.count + Self.overhead <= Self.limit {
            enqueue(remainder.bytes, remainder.source, gap: remainder.gap)
        }
    }

    /// Tells of the gaps once everything before them is written, although no further line comes.
    package mutating func closeGaps(note: (Source, UInt64) -> [UInt8]) {
        guard isEmpty else { return }
        for (source, share) in shares where share.gap > 0 {
            enqueue(note(source, share.gap), source, gap: share.gap)
        }
    }

    /// Offers up to `chunk` bytes of a stream of records; `write` says how many it took.
    package mutating func drain(chunk: Int, _ write: (UnsafeRawBufferPointer) -> Int) -> Int {
        let end = min(bytes.count, start + chunk)
        let taken = bytes[start..<end].withUnsafeBytes(write)
        consume(max(0, min(taken, end - start)))
        return taken
    }

    /// Offers the first record by itself; it goes when `write` took it.
    package mutating func drainRecord(_ write: (UnsafeRawBufferPointer) -> Bool) {
        guard first < records.count else { return }
        let end = start + Int(records[first].length) - headTaken
        if bytes[start..<end].withUnsafeBytes(write) { consume(end - start) }
    }

    /// Drops what is waiting, and counts it: the output refuses it.
    package mutating func discard() {
        for record in records[first...] {
            var share = shares[record.source] ?? Share()
            share.waiting = 0
            share.gap += max(record.gap, 1)
            shares[record.source] = share
            if record.gap == 0 { dropped += 1 }
        }
        bytes = []
        start = 0
        records = []
        first = 0
        headTaken = 0
        used = 0
    }

    private mutating func enqueue(_ record: [UInt8], _ source: Source, gap: UInt64) {
        bytes.append(contentsOf: record)
        records.append(Record(length: Int32(clamping: record.count), source: source, gap: gap))
        used += record.count + Self.overhead
        shares[source, default: Share()].waiting += record.count + Self.overhead
        if gap > 0 { shares[source]?.gap = 0 }
    }

    private mutating func consume(_ count: Int) {
        start += count
        headTaken += count
        while first < records.count, headTaken >= Int(records[first].length) {
            release(records[first])
            headTaken -= Int(records[first].length)
            first += 1
        }
        if isEmpty {
            // What a flood made large is given back.
            bytes.removeAll(keepingCapacity: bytes.capacity <= 16 * 1024)
            records.removeAll(keepingCapacity: records.capacity <= 256)
            start = 0
            first = 0
        } else if start > Self.limit / 2 {
            bytes.removeFirst(start)
            records.removeFirst(first)
            start = 0
            first = 0
        }
    }

    private mutating func release(_ record: Record) {
        let cost = Int(record.length) + Self.overhead
        used -= cost
        guard var share = shares[record.source] else { return }
        share.waiting -= cost
        shares[record.source] = share.waiting == 0 && share.gap == 0 ? nil : share
    }
}
