internal import IPCControl

/// Where the shutdown of the whole tree stands (DESIGN section 4): who works for others goes after them, and who needs
/// another goes before it.
struct TreeDrain: Sendable, Equatable {
    /// Moments of the schedule.
    let startedAt: Instant
    var stage = Stage.turns
    var isFinished = false
    /// The moment for those that others need has come.
    var isLastCall = false
    /// Who was asked to finish.
    var told: [WorkerID] = []

    enum Stage: Int, Sendable, Comparable {
        /// Agents and tools end their turns; the gateway takes nothing in; channels and models still serve them.
        case turns
        /// Channels send what is left.
        case sends
        /// The gateway is alone.
        case closing
        /// Everything was killed.
        case killed
        static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    /// When the stage ends at the latest, nil when there is nothing left to wait for.
    var deadline: Instant? {
        guard !isFinished else { return nil }
        switch stage {
        case .turns: return startedAt + PolicyTiming.turnsUntil
        case .sends:
            // Both moments of the stage, the nearer one first.
            return startedAt + (isLastCall ? PolicyTiming.sendsUntil : PolicyTiming.neededUntil)
        case .closing: return startedAt + PolicyTiming.killAllAt
        case .killed: return startedAt + PolicyTiming.abandonAt
        }
    }

    /// What is left at `now` until `moment` of the schedule.
    func remaining(until moment: Duration, now: Instant) -> Duration {
        max(.zero, startedAt + moment - now)
    }
}
