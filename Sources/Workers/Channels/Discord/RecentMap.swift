/// A dictionary with a bound: what was not used for the longest time goes first.
struct RecentMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var entries: [Key: Entry] = [:]
    private var clock: UInt64 = 0
    private let limit: Int

    private struct Entry {
        var value: Value
        var used: UInt64
    }

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { entries.count }

    /// The value of `key`; asking counts as use.
    mutating func value(_ key: Key) -> Value? {
        guard entries[key] != nil else { return nil }
        clock += 1
        entries[key]?.used = clock
        return entries[key]?.value
    }

    mutating func set(_ value: Value, for key: Key) {
        clock += 1
        entries[key] = Entry(value: value, used: clock)
        guard entries.count > limit else { return }
        // An eighth at once, so that sorting is rare.
        let oldest = entries.sorted { $0.value.used < $1.value.used }.prefix(max(1, limit / 8))
        for (key, _) in oldest { entries[key] = nil }
    }

    mutating func remove(_ key: Key) { entries[key] = nil }

    /// From the one used last to the one used first.
    var newestFirst: [(key: Key, value: Value)] {
        entries.sorted { $0.value.used > $1.value.used }.map { ($0.key, $0.value.value) }
    }
}
