/// What the plan wants a worker's memory to be. Anonymous and kernel memory, no page cache.
package struct MemoryTerms: Sendable, Equatable {
    /// Killed inside its group above this; 0 for measured but not limited.
    package var hard: MemoryShare
    /// Asked to shed, then replaced, above this; nil: three quarters of the hard limit that it was granted.
    package var soft: MemoryShare?
    /// KiB below which it is not started.
    package var floorKB: Int64
    /// Who gives way when there is not enough for all: the smaller one, more and first. At least 1.
    package var weight: Int64

    package init(hard: MemoryShare = .init(), soft: MemoryShare? = nil, floorKB: Int64 = 0, weight: Int64 = 1) {
        self.hard = hard
        self.soft = soft
        self.floorKB = min(max(0, floorKB), MemoryShare.limitKB)
        self.weight = min(max(1, weight), 1_000_000)
    }
}

/// The limits that hold for a worker: what it was granted, not what was planned. KiB, 0 for none.
package struct MemoryGrant: Sendable, Equatable {
    package var hardKB: Int64 = 0
    package var softKB: Int64 = 0

    package init(hardKB: Int64 = 0, softKB: Int64 = 0) {
        self.hardKB = hardKB
        self.softKB = softKB
    }
}
