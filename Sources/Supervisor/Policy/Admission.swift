/// How memory is divided among the workers that are meant to live (DESIGN section 5). Pure arithmetic; KiB throughout.
package enum Admission {
    /// What one worker is entitled to.
    package struct Claim: Sendable, Equatable {
        /// What it must keep: its floor, or what it uses already.
        package var leastKB: Int64
        /// What it gets where there is enough for all.
        package var wantedKB: Int64
        package var weight: Int64

        package init(leastKB: Int64, wantedKB: Int64, weight: Int64) {
            self.leastKB = leastKB
            self.wantedKB = max(leastKB, wantedKB)
            self.weight = weight
        }
    }

    /// Levels are in 1/1024 KiB per unit of weight.
    private static let fraction: Int64 = 1024
    /// Shrunk limits are whole mebibytes: figures that people can add, and no churn by a few KiB.
    private static let step: Int64 = 1024

    /// What each claim gets, in order, so that the sum fits into `availableKB` if the least amounts do.
    ///
    /// One level for all: a worker gets the level times its weight, but no less than its least and no more than it
    /// wants. So those shrink first that want most for their weight, and what one does not want is there for the others.
    package static func divide(_ availableKB: Int64, among claims: [Claim]) -> [Int64] {
        if claims.reduce(0, { $0 + $1.wantedKB }) <= availableKB { return claims.map(\.wantedKB) }
        var low: Int64 = 0
        var high = claims.reduce(0) { max($0, $1.wantedKB * fraction / $1.weight + 1) }
        // The sum grows with the level: the highest one that fits is found by halving.
        while high - low > 1 {
            let middle = low + (high - low) / 2
            let sum = claims.reduce(0) { $0 + amount($1, level: middle) }
            if sum <= availableKB { low = middle } else { high = middle }
        }
        return claims.map { amount($0, level: low) }
    }

    private static func amount(_ claim: Claim, level: Int64) -> Int64 {
        let (share, overflow) = level.multipliedReportingOverflow(by: claim.weight)
        let shareKB = overflow ? claim.wantedKB : share / fraction
        guard shareKB < claim.wantedKB else { return claim.wantedKB }
        return max(claim.leastKB, shareKB / step * step)
    }
}
