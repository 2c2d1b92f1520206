internal import Glibc
package import IPCControl

/// The kernel's counters at a death, as differences since shortly before it; nil: not to be had here.
package struct MemoryEvidence: Hashable, Sendable {
    /// A limit with nothing left beneath it.
    package enum Limit: Hashable, Sendable {
        case own
        case container
    }

    /// Processes of the worker's group that an OOM killer took, for whatever limit.
    package var groupKills: UInt64?
    /// Whose limit was hit shortly before; nil: nobody's that can be seen from here.
    package var exhausted: Limit?
    /// Kills in the group that the supervisor itself is in; without cgroups of our own the workers are in it too.
    package var containerKills: UInt64?
    /// Kills on the whole machine: says nothing about whose.
    package var machineKills: UInt64?
    package var hardLimitBytes: Int64?
    package var sampledPeakBytes: Int64 = 0
    /// What it used when the supervisor killed it for that, on the rung where the kernel does not.
    package var condemnedAtBytes: Int64?

    package init() {}
}

/// What the supervisor itself did or noticed before the death.
package enum DeathIntent: Hashable, Sendable {
    /// Killed or asked to end: stop, restart, shutdown, replaced.
    case stopped
    /// Killed because its heartbeat stood still.
    case watchdog
    /// It said FATAL, with this reason.
    case fatal(String)
}

/// Why a worker is dead, as far as the evidence goes, and never further.
package struct CauseOfDeath: Hashable, Sendable {
    package var cause: DeathCause
    /// Counts against the work that it had in hand.
    package var isOwnDoing: Bool
    /// One clause for people.
    package var text: String
    /// The exit code, when it ended by itself.
    package var exitCode: Int32?

    package init(cause: DeathCause, isOwnDoing: Bool, text: String, exitCode: Int32? = nil) {
        self.cause = cause
        self.isOwnDoing = isOwnDoing
        self.text = text
        self.exitCode = exitCode
    }

    /// A start that failed in the shim.
    package init(spawnFailure error: SpawnError) {
        self.init(cause: .spawn, isOwnDoing: false, text: "\(error)")
    }

    /// Signals that a program raises by its own fault.
    private static let faults: Set<Int32> = [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGSYS]
    /// How Swift and malloc end when memory cannot be had.
    private static let allocationFaults: Set<Int32> = [SIGILL, SIGTRAP, SIGABRT, SIGSEGV]

    /// Judges an exit.
    ///
    /// The kernel's OOM evidence wins over our own intent only when we had none: a KILL that we sent is ours.
    package init(exit: ExitFacts, evidence: MemoryEvidence, intent: DeathIntent? = nil) {
        switch intent {
        case .fatal(let reason):
            self.init(cause: .fatal, isOwnDoing: false, text: reason, exitCode: exit.exitCode)
        case .watchdog:
            self.init(cause: .watchdog, isOwnDoing: true, text: "no heartbeat, \(exit)")
        case .stopped:
            self.init(cause: .stopped, isOwnDoing: false, text: "stopped, \(exit)", exitCode: exit.exitCode)
        case nil:
            self = Self.unasked(exit, evidence)
        }
    }

    private static func unasked(_ exit: ExitFacts, _ evidence: MemoryEvidence) -> CauseOfDeath {
        guard let signal = exit.signal else {
            return CauseOfDeath(cause: .exit, isOwnDoing: false, text: "\(exit)", exitCode: exit.exitCode)
        }
        if signal == SIGKILL, let out = outOfMemory(evidence) { return out }
        if allocationFaults.contains(signal), nearProcessLimit(exit, evidence) {
            let text = "allocation failed near its budget\(limit(evidence)), \(exit)"
            return CauseOfDeath(cause: .allocation, isOwnDoing: true, text: text)
        }
        return CauseOfDeath(cause: .signal, isOwnDoing: faults.contains(signal), text: "\(exit)")
    }

    private static func outOfMemory(_ evidence: MemoryEvidence) -> CauseOfDeath? {
        if let used = evidence.condemnedAtBytes {
            let text = "out of memory in its own budget\(limit(evidence)): it used \(used >> 20) MB"
            return CauseOfDeath(cause: .oomOwn, isOwnDoing: true, text: text)
        }
        if let kills = evidence.groupKills {
            // The counter moves for any OOM killer that takes a process of the group, whoever's limit it was.
            guard kills > 0 else { return nil }
            switch evidence.exhausted {
            case .own:
                let text = "out of memory in its own budget\(limit(evidence))"
                return CauseOfDeath(cause: .oomOwn, isOwnDoing: true, text: text)
            case .container: return container
            case nil: return host
            }
        }
        // Without a group of its own: the container's counter includes it, the machine's may mean anybody.
        guard let kills = evidence.containerKills, kills > 0 else { return nil }
        return evidence.exhausted == .container ? container : host
    }

    private static let container = CauseOfDeath(
        cause: .oomContainer,
        isOwnDoing: false,
        text: "killed for the container's memory limit, within its own budget"
    )

    private static let host = CauseOfDeath(
        cause: .oomHost,
        isOwnDoing: false,
        text: "killed because the machine was out of memory, within its own budget"
    )

    /// Only where RLIMIT_DATA is the limit: an allocation is refused there and the program traps.
    private static func nearProcessLimit(_ exit: ExitFacts, _ evidence: MemoryEvidence) -> Bool {
        guard evidence.groupKills == nil, let hard = evidence.hardLimitBytes else { return false }
        // A refused large allocation leaves the resident size well below: three quarters count as near.
        let near = hard - hard / 4
        return max(exit.peakResidentBytes, evidence.sampledPeakBytes) >= near
    }

    private static func limit(_ evidence: MemoryEvidence) -> String {
        evidence.hardLimitBytes.map { " (\($0 >> 20) MB)" } ?? ""
    }
}
