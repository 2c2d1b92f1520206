/// Every duration and count the policy goes by (DESIGN section 4). One place, so that tests and the documentation quote
/// the same figures.
package enum PolicyTiming {
    /// A start that has not said READY by then is killed and counts as one that never became ready.
    package static let startDeadline: Duration = .seconds(10)
    /// The same for a foreign program that shows when it is ready; whatever it is, it was not made for us.
    package static let foreignStartDeadline: Duration = .seconds(60)
    /// Silence after which a worker is suspected.
    package static let heartbeatSuspicion: Duration = .seconds(7)
    /// What a suspect has left to be heard. Measured anew when the supervisor itself was late to look.
    package static let heartbeatGrace: Duration = .seconds(3)
    /// A look at the clock that comes later than this was not made in time by a running supervisor.
    package static let latenessTolerance: Duration = .seconds(1)

    /// Restarts at once that a worker has as credit, and how long one takes to come back.
    package static let restartCredit = 5
    package static let creditRegain: Duration = .seconds(10)
    package static let backoffBase: Duration = .milliseconds(250)
    package static let backoffCap: Duration = .seconds(30)
    package static let gatewayBackoffCap: Duration = .seconds(1)
    /// Health after which the back-off begins anew.
    package static let stableAfter: Duration = .seconds(60)

    /// Starts in a row that never became ready, before quarantine.
    package static let unreadyStartLimit = 5
    /// Own-doing deaths within `ownDoingWindow`, before quarantine.
    package static let ownDoingLimit = 5
    package static let ownDoingWindow: Duration = .seconds(600)
    package static let probeInterval: Duration = .seconds(60)
    /// Health after which a probe has succeeded. One that ends before goes back into quarantine at once.
    package static let probeHealth: Duration = .seconds(60)
    /// A worker that leaves by itself sooner after its start than this is not started again without its back-off.
    package static let shortLife: Duration = .seconds(10)

    /// Own-doing deaths of the gateway in a row, each within `poisonWindow` of its start, before safe mode.
    package static let poisonLimit = 3
    package static let poisonWindow: Duration = .seconds(10)
    /// Health in safe mode before a normal start is tried, doubling from trial to trial.
    package static let safeTrialAfter: Duration = .seconds(600)
    package static let safeTrialAtMost: Duration = .seconds(3600)

    /// Restarts of the whole tree: a burst and a rate. The gateway is exempt.
    package static let treeRestartBurst = 20
    package static let treeRestartInterval: Duration = .milliseconds(200)

    /// What a worker gets to finish when it alone is stopped or restarted, and when its soft limit was passed.
    package static let stopBy: Duration = .seconds(10)
    package static let softBy: Duration = .seconds(30)
    /// What a worker that said LEAVE or FATAL gets to exit.
    package static let leaveBy: Duration = .seconds(5)
    /// From the end of a drain to SIGKILL.
    package static let killGrace: Duration = .milliseconds(500)

    /// Measurements above the soft limit after SHED before a worker is replaced, and the least pause between two SHED.
    package static let softLooks = 3
    package static let shedInterval: Duration = .seconds(30)
    /// Between two replacements of a worker, doubling while they do not help.
    package static let softPause: Duration = .seconds(60)
    package static let softPauseAtMost: Duration = .seconds(3600)
    /// KiB that a limit stays above what is used when it is lowered: nobody shall die of the next allocation.
    package static let memoryHeadroomKB: Int64 = 4096

    /// Shutdown of the whole tree, from the first TERM.
    package static let turnsUntil: Duration = .milliseconds(2000)
    /// When those are asked to finish that others need, whether the others are gone or not.
    package static let neededUntil: Duration = .milliseconds(2500)
    package static let sendsUntil: Duration = .milliseconds(3000)
    package static let gatewayUntil: Duration = .milliseconds(3400)
    package static let killAllAt: Duration = .milliseconds(3600)
    /// A process that SIGKILL does not end (uninterruptible sleep) is reported then, and not waited for.
    package static let abandonAt: Duration = .milliseconds(3900)
}
