internal import Failover
internal import Glibc

/// Tells by a look at its bytes whether an event of a stream says something about the answer as a whole (counts, end, error)
/// and has to be read, or is one of the many that only carry a piece of it. A false alarm costs a reading and nothing else.
enum RelayMarks {
    static func matter(_ event: ArraySlice<UInt8>, _ format: RelayFormat) -> Bool {
        event.withUnsafeBytes { matter($0, format) }
    }

    /// How many bytes of `bytes`, which begins with an event, are whole events that do not matter; nil when one does.
    static func dull(_ bytes: UnsafeRawBufferPointer, _ format: RelayFormat) -> Int? {
        guard let base = bytes.baseAddress else { return 0 }
        var (start, line) = (0, 0)
        while line < bytes.count, let found = memchr(base + line, 0x0A, bytes.count - line) {
            let end = base.distance(to: UnsafeRawPointer(found))
            let isEmpty = end == line || (end == line + 1 && bytes[line] == UInt8(ascii: "\r"))
            line = end + 1
            guard isEmpty else { continue }
            guard !matter(UnsafeRawBufferPointer(rebasing: bytes[start..<line]), format) else { return nil }
            start = line
        }
        return start
    }

    private static func matter(_ event: UnsafeRawBufferPointer, _ format: RelayFormat) -> Bool {
        switch format {
        case .chat:
            hasValue("\"finish_reason\"", event) || hasValue("\"usage\"", event) || hasValue("\"error\"", event)
                || after("[DONE]", event) != nil
        case .responses:
            after("response.completed", event) != nil || after("response.incomplete", event) != nil
                || after("response.failed", event) != nil || after("\"error\"", event) != nil
        case .messages: after("message_", event) != nil || after("\"error\"", event) != nil
        }
    }

    /// A chunk that holds nothing but counts, which only came because we asked for it.
    static func isCountsAlone(_ event: ArraySlice<UInt8>) -> Bool {
        event.withUnsafeBytes { event in
            guard let rest = after("\"choices\"", event) else { return false }
            return rest.lazy.filter { $0 != 0x20 }.prefix(3).elementsEqual(":[]".utf8) && hasValue("\"usage\"", event)
        }
    }

    /// The member stands there with something else than null. `key` has its quotes: inside a string they would be escaped.
    private static func hasValue(_ key: StaticString, _ event: UnsafeRawBufferPointer) -> Bool {
        guard let rest = after(key, event) else { return false }
        for byte in rest.prefix(16) where byte != 0x20 && byte != UInt8(ascii: ":") { return byte != UInt8(ascii: "n") }
        return false
    }

    /// What follows the first place where `text` stands.
    private static func after(_ text: StaticString, _ event: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let base = event.baseAddress else { return nil }
        let (length, first) = (text.utf8CodeUnitCount, Int32(text.utf8Start.pointee))
        var at = 0
        while at + length <= event.count, let found = memchr(base + at, first, event.count - at - length + 1) {
            at = base.distance(to: UnsafeRawPointer(found))
            if memcmp(found, text.utf8Start, length) == 0 {
                return UnsafeRawBufferPointer(rebasing: event[(at + length)...])
            }
            at += 1
        }
        return nil
    }
}
