/// The supervisor's own running time: the monotonic clock without the spells in which the supervisor did not run.
///
/// After a paused virtual machine, a snapshot or a SIGSTOP the monotonic clock has jumped although no worker had a
/// chance to send a heartbeat. The loop knows when it should have woken; what it is late beyond `tolerance` did not
/// happen, for its workers as for itself.
package struct RunningClock: Sendable {
    /// A loaded machine wakes us this late without meaning anything.
    package static let tolerance = Duration.seconds(1)

    private var lost = Duration.zero
    private var last: Instant

    package init(now: Instant) {
        last = now
    }

    /// Running time at `monotonic`.
    ///
    /// - Parameter due: when the loop had asked to be woken at the latest; nil when it had asked for nothing.
    package mutating func reading(at monotonic: Instant, due: Instant?) -> Instant {
        let expected = max(due ?? monotonic, last)
        let late = monotonic - expected
        if late > Self.tolerance { lost += late }
        last = max(last, monotonic)
        return monotonic - lost
    }

    /// Turns a running time back into the monotonic instant at which a timer for it has to ring.
    package func monotonic(of running: Instant) -> Instant {
        running + lost
    }
}
