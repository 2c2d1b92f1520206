/// Requests of the last ten minutes: the same one again changes nothing and is answered as before.
struct ReplayCache {
    static let limit = 4096
    static let lifetime: Int64 = 600_000
    /// Bytes of answers that are kept; older requests are then known without their answer.
    static let answerBytes = 1 << 20

    enum Verdict: Equatable {
        case fresh
        /// Its answer, once there is one; nil: not yet, or not any more.
        case replay([UInt8]?)
    }

    private struct Entry {
        var at: Int64
        var answer: [UInt8]?
    }

    private var entries: [String: Entry] = [:]
    /// Oldest first; a key that was taken back may stand here twice.
    private var order: [(key: String, at: Int64)] = []
    private var bytes = 0

    var count: Int { entries.count }

    /// Takes a request down, unless it is known. `now`: milliseconds.
    mutating func begin(_ key: String, now: Int64) -> Verdict {
        while let oldest = order.first, oldest.at + Self.lifetime <= now || entries.count >= Self.limit {
            order.removeFirst()
            if entries[oldest.key]?.at == oldest.at { forget(oldest.key) }
        }
        if let entry = entries[key] { return .replay(entry.answer) }
        if order.count >= 2 * Self.limit { order.removeAll { entries[$0.key]?.at != $0.at } }
        entries[key] = Entry(at: now)
        order.append((key, now))
        return .fresh
    }

    /// What a request was answered.
    mutating func finish(_ key: String, _ answer: [UInt8]) {
        guard entries[key] != nil, entries[key]?.answer == nil, answer.count <= Self.answerBytes / 16 else { return }
        entries[key]?.answer = answer
        bytes += answer.count
        var index = 0
        while bytes > Self.answerBytes, index < order.count {
            if let old = entries[order[index].key]?.answer {
                bytes -= old.count
                entries[order[index].key]?.answer = nil
            }
            index += 1
        }
    }

    /// It was not answered: the same request is a new one.
    mutating func forget(_ key: String) {
        bytes -= entries.removeValue(forKey: key)?.answer?.count ?? 0
    }
}
