/// Why an incarnation is dead, as EXIT and WORKER blocks name it. Never guessed: without evidence it is `signal`.
package enum DeathCause: String, Sendable, CaseIterable {
    /// An allocation failed (budget without a cgroup).
    case allocation
    /// It ended by itself with a code.
    case exit
    /// It asked to be parked: its configuration cannot work.
    case fatal
    /// The kernel killed it for the container's limit.
    case oomContainer = "oom-container"
    /// The kernel killed it for the machine's.
    case oomHost = "oom-host"
    /// The kernel killed it for its own budget.
    case oomOwn = "oom-own"
    case signal
    /// It could not be started.
    case spawn
    /// The supervisor ended it on purpose.
    case stopped
    /// Its event loop stood still.
    case watchdog
}
