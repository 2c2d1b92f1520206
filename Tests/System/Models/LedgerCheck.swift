import Testing

/// The ledger of a stopped gateway beside the fake's journal: one row for every request that the fake saw.
struct LedgerCheck {
    private let rows: [JSONValue]
    private let calls: [JSONValue]

    init(_ rows: [JSONValue], _ calls: [JSONValue]) {
        (self.rows, self.calls) = (rows, calls)
    }

    private static let counts = [
        ("input", "input"), ("output", "output"), ("cache_read", "cache_read"), ("cache_write", "cache_write"),
    ]

    /// As many rows as requests, and the tokens of finished ones one by one (no two calls of the fake have the same).
    ///
    /// - Parameters:
    ///   - unreached: Attempts that no provider saw, because nobody listened or the person left while it was being connected:
    ///     they have a row and no call.
    ///   - abandoned: How many persons went away. An answer that ended in the moment in which its person left counts as
    ///     finished in the fake and may be gone in the ledger.
    func equal(unreached: ClosedRange<Int> = 0...0, abandoned: Int = 0) {
        #expect(
            unreached.contains(rows.count - calls.count),
            "\(rows.count) rows for \(calls.count) requests:\n\(table)"
        )
        var finished: [[Int64]: JSONValue] = [:]
        for row in rows where row["end"] == "finished" {
            #expect(finished.updateValue(row, forKey: tokens(row)) == nil, "twice: \(row.text)")
        }
        var late = 0
        // A provider that left out its last mark, or spoiled one event of many, gave all of its answer as far as it knows.
        for call in calls where call["outcome"] == "finished" || call["fault"] == "no-end" {
            let usage = Self.counts.map { call["usage"]?[$0.0]?.integer ?? 0 }
            guard let row = finished.removeValue(forKey: usage) else {
                if call["fault"] == nil { late += 1 }
                continue
            }
            #expect(
                row["provider"] == call["provider"] && row["model"] == call["model"],
                "\(row.text) for \(call.text)"
            )
            #expect(row["source"] == "reported", "\(row.text)")
        }
        #expect(late <= abandoned, "\(late) answers are not in the ledger as finished:\n\(table)")
        #expect(finished.isEmpty, "rows of no answer: \(finished.values.map(\.text))")
        for row in rows where row["end"] == "failed" {
            #expect(row["output"] == 0 || row["source"] != "reported", "a failure is billed: \(row.text)")
            #expect(row["kind"]?.string?.isEmpty == false, "a failure without its kind: \(row.text)")
        }
    }

    private func tokens(_ row: JSONValue) -> [Int64] { Self.counts.map { row[$0.1]?.integer ?? 0 } }

    private var table: String { (rows.suffix(20) + calls.suffix(20)).map(\.text).joined(separator: "\n") }
}
