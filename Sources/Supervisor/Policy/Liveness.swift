/// Whether a worker is still heard. Two steps, because only time that the supervisor itself was running counts: a
/// machine that was suspended, or a supervisor in SIGSTOP, finds every worker overdue and must kill none.
///
/// Silence first makes a worker suspect; the suspect is dead only when the look at the end of its grace was made in
/// time. After a suspension that look is late, and the grace begins anew.
package struct Liveness: Sendable, Equatable {
    var isSuspect = false
    /// When to look again.
    package internal(set) var lookAt: Instant

    /// - Parameter patience: silence until suspicion.
    package init(now: Instant, patience: Duration = PolicyTiming.heartbeatSuspicion) {
        lookAt = now + patience
    }

    package mutating func heard(now: Instant) {
        self = Liveness(now: now)
    }

    /// Looks at the clock; true when the worker is dead.
    package mutating func look(now: Instant) -> Bool {
        guard now >= lookAt else { return false }
        guard isSuspect, now - lookAt <= PolicyTiming.latenessTolerance else {
            isSuspect = true
            lookAt = now + PolicyTiming.heartbeatGrace
            return false
        }
        return true
    }
}
