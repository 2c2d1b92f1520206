package import FoundationEssentials

extension CallRecord {
    /// Events that a record remembers.
    package static var eventLimit: Int { 64 }

    /// The record as it is kept: JSON of at most `byteLimit`; of a longer transcript the oldest lines go. Nil when it is too
    /// long without any.
    package func kept() -> Data? {
        var record = self
        record.processedEventIds = processedEventIds.suffix(Self.eventLimit)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        while true {
            guard let bytes = try? encoder.encode(record) else { return nil }
            if bytes.count <= Self.byteLimit { return bytes }
            guard !record.transcript.isEmpty else { return nil }
            // A line has at least its text: so many lines are certainly too many, or one at least.
            var excess = bytes.count - Self.byteLimit
            var count = 0
            while count < record.transcript.count, excess > 0 {
                excess -= record.transcript[count].text.utf8.count + 50
                count += 1
            }
            record.transcript.removeFirst(max(1, count))
        }
    }

    /// Reads what `kept` wrote; nil when it is none.
    package init?(kept bytes: some Sequence<UInt8>) {
        let bytes = Data(bytes)
        guard bytes.count <= Self.byteLimit, let record = try? JSONDecoder().decode(Self.self, from: bytes) else {
            return nil
        }
        self = record
    }
}
