package import IPCControl

/// The deaths that the gateway has not confirmed yet. Each is told to every new incarnation of the gateway until one of
/// them has it in its journal.
///
/// Bounded: beyond `limit` the oldest deaths of workers that died again since are folded into the newer ones, which
/// say all that matters (nothing up to this incarnation can act any more; somebody's own doing was among it).
package struct ExitLedger: Sendable, Equatable {
    package static let limit = 256

    /// One death.
    package struct Entry: Sendable, Equatable {
        package var id: WorkerID
        package var incarnation: UInt64
        package var death: CauseOfDeath
    }

    private(set) var entries: [Entry] = []
    /// How many of `entries`, from the front, the living gateway was told.
    private(set) var told = 0

    package init() {}

    /// As another image of this supervisor left it.
    init(_ entries: [Entry], told: Int) {
        self.entries = Array(entries.suffix(Self.limit))
        self.told = min(max(0, told), self.entries.count)
    }

    package var count: Int { entries.count }

    package mutating func record(_ id: WorkerID, _ incarnation: UInt64, _ death: CauseOfDeath) {
        entries.append(Entry(id: id, incarnation: incarnation, death: death))
        if entries.count > Self.limit { fold() }
    }

    /// The journal has it.
    package mutating func confirm(_ id: WorkerID, _ incarnation: UInt64) {
        guard let index = entries.firstIndex(where: { $0.id == id && $0.incarnation == incarnation }) else { return }
        remove(at: index)
    }

    /// A new gateway knows nothing.
    package mutating func forgetTelling() {
        told = 0
    }

    /// The next death to tell the living gateway, once.
    package mutating func next() -> Entry? {
        guard told < entries.count else { return nil }
        defer { told += 1 }
        return entries[told]
    }

    /// Drops the oldest entry whose worker has a newer one.
    private mutating func fold() {
        for (index, entry) in entries.enumerated() {
            guard let newer = entries[(index + 1)...].firstIndex(where: { $0.id == entry.id }) else { continue }
            if entry.death.isOwnDoing { entries[newer].death.isOwnDoing = true }
            remove(at: index)
            return
        }
    }

    private mutating func remove(at index: Int) {
        entries.remove(at: index)
        if index < told { told -= 1 }
    }
}
