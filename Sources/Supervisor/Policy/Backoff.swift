/// How long a worker waits before it is started again: a credit of restarts at once, then doubling delays.
package struct Backoff: Sendable, Equatable {
    private let cap: Duration
    var credit = PolicyTiming.restartCredit
    /// When the credit was last counted up.
    var creditCountedAt: Instant
    var level = 0

    package init(cap: Duration, now: Instant) {
        self.cap = cap
        creditCountedAt = now
    }

    /// The delay before the start that follows a death at `now`.
    ///
    /// `wasReady` says whether the dead incarnation ever was: one that never became ready has no credit, or five starts
    /// of a missing executable would be over within a millisecond. Delays are half fixed, half random, so that workers
    /// that died of one cause do not come back in step.
    package mutating func delay(
        wasReady: Bool,
        healthy: Duration,
        now: Instant,
        using random: inout SplitMix64
    ) -> Duration {
        regainCredit(now: now)
        if healthy >= PolicyTiming.stableAfter { level = 0 }
        if wasReady, credit > 0 {
            credit -= 1
            return .zero
        }
        let full = min(cap, PolicyTiming.backoffBase * (1 << min(level, 16)))
        level = min(level + 1, 16)
        let halfMilliseconds = full.wholeMilliseconds / 2
        return .milliseconds(halfMilliseconds + Int64.random(in: 0...max(0, halfMilliseconds), using: &random))
    }

    private mutating func regainCredit(now: Instant) {
        while credit < PolicyTiming.restartCredit, now - creditCountedAt >= PolicyTiming.creditRegain {
            credit += 1
            creditCountedAt = creditCountedAt + PolicyTiming.creditRegain
        }
        if credit == PolicyTiming.restartCredit { creditCountedAt = now }
    }
}
