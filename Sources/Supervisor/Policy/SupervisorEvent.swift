package import IPCControl

/// What can happen to the tree. Everything about one process carries its incarnation: an event that comes late never
/// touches a newer one.
package enum SupervisorEvent: Sendable, Equatable {
    /// Memory of the machine or container around us, KiB; nil when nobody can tell, and then nothing is shrunk.
    case total(Int64?)
    /// The only worker table there is from now on; `reserve` is what no worker may have.
    case planned([WorkerSpec], reserve: MemoryShare = .init())

    case spawned(WorkerID, UInt64, pid: Int32)
    case spawnFailed(WorkerID, UInt64, text: String)
    case ready(WorkerID, UInt64)
    case heartbeat(WorkerID, UInt64)
    /// KiB of anonymous and kernel memory, now and at most.
    case memory(WorkerID, UInt64, usedKB: Int64, peakKB: Int64)
    /// The hard limit that is in force, where it is not the one that was asked for.
    case limited(WorkerID, UInt64, hardKB: Int64)
    case status(WorkerID, UInt64, text: String)
    case fatal(WorkerID, UInt64, reason: String)
    case leave(WorkerID, UInt64)
    /// It spoke nonsense on its lifeline or closed it while alive: killed, its own doing.
    case lifelineBroken(WorkerID, UInt64, text: String)
    /// The process and everything in its group are gone.
    case exited(WorkerID, UInt64, CauseOfDeath)

    case start(WorkerID, by: Commander)
    case stop(WorkerID)
    /// Takes the specification and replaces the process, which gets `by` to finish: the worker's next incarnation is of
    /// another build.
    case renew(WorkerSpec, by: Duration)
    case restart(WorkerID)
    /// Forgets the worker's failures and starts it if it is meant to live.
    case reset(WorkerID)

    /// TERM or INT. The first drains the tree, the second kills it.
    case terminate
    /// A deadline has come.
    case tick
}

/// Who asks for a start.
package enum Commander: Sendable {
    /// A person: lifts a stop, a quarantine, a parking.
    case person
    /// The gateway has work for an on-demand worker: lifts none of them.
    case gateway
}
