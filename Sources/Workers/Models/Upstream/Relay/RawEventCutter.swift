/// Cuts a stream into whole events and leaves their bytes as they are. Lines end with LF or CRLF, as every provider writes
/// them.
struct RawEventCutter {
    private var pending: [UInt8] = []
    /// Up to here no end of an event stands.
    private var scanned = 0

    /// Nothing of an event waits for its rest.
    var isEmpty: Bool { pending.isEmpty }

    /// The events that are whole now, one after another, without what follows them.
    mutating func take(_ bytes: some Collection<UInt8>) throws(EventStreamDecoder.Failure) -> [ArraySlice<UInt8>] {
        pending.append(contentsOf: bytes)
        var events: [ArraySlice<UInt8>] = []
        var start = 0
        var line = scanned
        while let end = pending[line...].firstIndex(of: UInt8(ascii: "\n")) {
            let isEmpty = end == line || (end == line + 1 && pending[line] == UInt8(ascii: "\r"))
            line = end + 1
            if isEmpty {
                events.append(pending[start..<line])
                start = line
            }
        }
        guard pending.count - start <= EventStreamDecoder.Limits().event else {
            throw .eventTooLong(EventStreamDecoder.Limits().event)
        }
        scanned = line - start
        if start > 0 { pending.removeFirst(start) }
        return events
    }

    /// What is left at the end of the stream.
    mutating func finish() -> ArraySlice<UInt8> {
        defer { (pending, scanned) = ([], 0) }
        return pending[...]
    }
}
