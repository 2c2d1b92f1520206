package import IPCControl

/// What the shell must do, in order.
package enum SupervisorEffect: Sendable, Equatable {
    /// Start a process; answer with `spawned` or `spawnFailed`.
    case spawn(WorkerID, UInt64)
    /// Send DRAIN, or SIGTERM to a process without lifeline. A later one replaces an earlier one.
    case drain(WorkerID, UInt64, by: Duration, reason: DrainReason)
    /// SIGKILL to everything of this incarnation; answer with `exited` when it is gone.
    case kill(WorkerID, UInt64)
    /// Move the limits of a living incarnation, KiB, 0 for none. Never below what it uses at that moment: where the limit
    /// in force is another one afterwards, answer with `limited`.
    case limit(WorkerID, UInt64, hardKB: Int64, softKB: Int64)
    /// Send SHED: it is above its soft limit and shall give back what it can spare. Nothing for a process without
    /// lifeline.
    case shed(WorkerID, UInt64)
    /// This incarnation is dead: tell the gateway. Comes before the `changed` of the same worker.
    case died(WorkerID, UInt64, CauseOfDeath)
    /// The worker's row is another one now.
    case changed(WorkerID)
    /// There is no such worker any more.
    case gone(WorkerID)
    /// A line for the operator.
    case say(WorkerID?, String)
    /// The tree is empty after `terminate`: the supervisor may exit. `isComplete` is false when a process would not die.
    case finished(isComplete: Bool)
}

/// Why a worker is asked to finish, as DRAIN names it.
package enum DrainReason: String, Sendable {
    case stop
    case restart
    case shutdown
    case soft
}
