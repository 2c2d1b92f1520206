/// An amount of memory as the plan names it. The plan does not know the machine; the supervisor resolves it.
package struct MemoryShare: Sendable, Equatable {
    /// More than any worker can have (2 TiB), and small enough for products in 64 bits. KiB.
    package static let limitKB: Int64 = 1 << 31

    /// KiB that it is at least; the whole amount where there is no percentage or nobody knows the total. 0: none.
    package let leastKB: Int64
    /// Of the total of the machine or container, 1...100; 0: `leastKB` is fixed.
    package let percent: Int64
    /// KiB that it is at most; 0: no bound but the total.
    package let mostKB: Int64

    /// What is out of range is held at its end.
    package init(leastKB: Int64 = 0, percent: Int64 = 0, mostKB: Int64 = 0) {
        self.leastKB = min(max(0, leastKB), Self.limitKB)
        self.percent = min(max(0, percent), 100)
        self.mostKB = min(max(0, mostKB), Self.limitKB)
    }

    /// KiB on a machine of `totalKB`; a percentage of an unknown total is `leastKB`.
    package func resolved(totalKB: Int64?) -> Int64 {
        guard percent > 0, let totalKB, totalKB > 0 else { return leastKB }
        // The hundredth first: a total near the end of the number range must not overflow.
        let share = totalKB / 100 * percent + totalKB % 100 * percent / 100
        let amount = min(max(leastKB, share), Self.limitKB)
        return mostKB > 0 ? min(amount, mostKB) : amount
    }
}
