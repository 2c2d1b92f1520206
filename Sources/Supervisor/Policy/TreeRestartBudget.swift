/// A token bucket over the restarts of all workers: a cause that they share (a full disk, a dead resolver) must not
/// become a storm of starts. Starts that the plan or a person asks for are free.
package struct TreeRestartBudget: Sendable, Equatable {
    /// When the bucket will be full again if nothing more is taken.
    private var fullAt: Instant

    package init(now: Instant) {
        fullAt = now
    }

    /// Takes one token and returns how long to wait until it is there.
    package mutating func take(now: Instant) -> Duration {
        fullAt = max(fullAt, now) + PolicyTiming.treeRestartInterval
        let burst = PolicyTiming.treeRestartInterval * PolicyTiming.treeRestartBurst
        return max(.zero, fullAt - now - burst)
    }
}
