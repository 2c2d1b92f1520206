/// An amount of memory as the plan names it. The plan does not know the machine; the supervisor resolves it.
package struct MemoryShare: Sendable, Equatable {
    /// KiB that it is at least; the whole amount where there is no percentage or nobody knows the total. 0: none.
    package var leastKB: Int64
    /// Of the total of the machine or container, 1...100; 0: `leastKB` is fixed.
    package var percent: Int64
    /// KiB that it is at most; 0: no bound but the total.
    package var mostKB: Int64

    package init(leastKB: Int64 = 0, percent: Int64 = 0, mostKB: Int64 = 0) {
        self.leastKB = max(0, leastKB)
        self.percent = min(max(0, percent), 100)
        self.mostKB = max(0, mostKB)
    }

    /// KiB on a machine of `totalKB`; without a known total what needs none.
    package func resolved(totalKB: Int64?) -> Int64 {
        guard percent > 0, let totalKB, totalKB > 0 else { return leastKB }
        // A hundredth first: a total near the end of the number range must not overflow.
        let share = totalKB / 100 * percent + totalKB % 100 * percent / 100
        let amount = max(leastKB, share)
        return mostKB > 0 ? min(amount, mostKB) : amount
    }
}
