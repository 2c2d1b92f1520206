/// Questions to workers that wait for their answer. Pure bookkeeping.
struct Questions {
    /// One question.
    struct Entry {
        var token: Int
        var worker: String
        var method: String
        var params: [UInt8]
        var deadline: Int64
        /// Whether it went out on the worker's present link.
        var isAsked = false
        var answer: [UInt8] = []
    }

    private(set) var entries: [UInt64: Entry] = [:]
    private var lastID: UInt64 = 0

    var count: Int { entries.count }

    mutating func add(_ entry: Entry) -> UInt64 {
        lastID &+= 1
        entries[lastID] = entry
        return lastID
    }

    mutating func asked(_ id: UInt64) { entries[id]?.isAsked = true }
    mutating func remove(_ id: UInt64) -> Entry? { entries.removeValue(forKey: id) }

    /// Adds a part; false when that is more than `limit` bytes in all.
    mutating func append(_ payload: [UInt8], to id: UInt64, limit: Int) -> Bool {
        guard let size = entries[id]?.answer.count, size + payload.count <= limit else { return false }
        entries[id]?.answer += payload
        return true
    }

    /// Questions that were never sent to this worker, in order.
    func unasked(of worker: String) -> [UInt64] {
        entries.filter { $0.value.worker == worker && !$0.value.isAsked }.keys.sorted()
    }

    func asked(of worker: String) -> [UInt64] {
        entries.filter { $0.value.worker == worker && $0.value.isAsked }.keys.sorted()
    }

    func expired(_ now: Int64) -> [UInt64] {
        entries.filter { $0.value.deadline <= now }.keys.sorted()
    }
}
