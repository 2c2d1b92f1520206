internal import Failover
internal import Glibc

/// Tells by a look at its bytes whether an event of a stream says something about the answer as a whole (counts, end, error)
/// and has to be read, or is one of the many that only carry a piece of it. A false alarm costs a reading and nothing else.
enum RelayMarks {
    static func matter(_ event: ArraySlice<UInt8>, _ format: RelayFormat) -> Bool {
        switch format {
        case .chat:
            hasValue("\"finish_reason\"", event) || hasValue("\"usage\"", event) || hasValue("\"error\"", event)
                || contains("[DONE]", event)
        case .responses:
            contains("response.completed", event) || contains("response.incomplete", event)
                || contains("response.failed", event) || contains("\"error\"", event)
        case .messages: contains("message_", event) || contains("\"error\"", event)
        }
    }

    /// A chunk that holds nothing but counts, which only came because we asked for it.
    static func isCountsAlone(_ event: ArraySlice<UInt8>) -> Bool {
        guard let rest = after("\"choices\"", event) else { return false }
        return rest.filter { $0 != 0x20 }.starts(with: ":[]".utf8) && hasValue("\"usage\"", event)
    }

    /// The member stands there with something else than null. `key` has its quotes: inside a string they would be escaped.
    private static func hasValue(_ key: StaticString, _ event: ArraySlice<UInt8>) -> Bool {
        guard let rest = after(key, event) else { return false }
        for byte in rest.prefix(16) where byte != 0x20 && byte != UInt8(ascii: ":") { return byte != UInt8(ascii: "n") }
        return false
    }

    private static func contains(_ text: StaticString, _ event: ArraySlice<UInt8>) -> Bool { after(text, event) != nil }

    /// What follows the first place where `text` stands.
    private static func after(_ text: StaticString, _ event: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let length = text.utf8CodeUnitCount
        let end = event.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            let first = Int32(text.utf8Start.pointee)
            var at = 0
            while at + length <= bytes.count, let found = memchr(base + at, first, bytes.count - at - length + 1) {
                at = base.distance(to: UnsafeRawPointer(found))
                if memcmp(found, text.utf8Start, length) == 0 { return at + length }
                at += 1
            }
            return nil
        }
        return end.map { event[(event.startIndex + $0)...] }
    }
}
