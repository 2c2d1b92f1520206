/// A token bucket over the restarts of all workers: a cause that they share (a full disk, a dead resolver) must not
/// become a storm of starts. Starts that the plan or a person asks for are free.
package struct TreeRestartBudget: Sendable, Equatable {
    /// When the bucket will be full again if nothing more is taken.
    var fullAt: Instant

    package init(fullAt: Instant) {
        self.fullAt = fullAt
    }

    /// Takes a token if there is one; else says when the next one comes. Taken at the moment of the start, never ahead of
    /// it: a machine that slept would find all that was promised due at once.
    package mutating func take(now: Instant) -> Instant? {
        let next = max(fullAt, now) + PolicyTiming.treeRestartInterval
        let burst = PolicyTiming.treeRestartInterval * PolicyTiming.treeRestartBurst
        guard next - now <= burst else { return next - burst }
        fullAt = next
        return nil
    }
}
