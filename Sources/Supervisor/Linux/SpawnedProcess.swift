internal import CLinux
internal import Glibc

/// A child of ours. A class, so that it can be kept in a table; its pidfd is closed with the last reference.
package final class SpawnedProcess: Sendable {
    package let pid: Int32
    /// Readable when the process has exited; nil on kernels without pidfds, where SIGCHLD has to do. On loan.
    package let pidfd: Int32?
    /// False when the kernel refused the wanted oom_score_adj.
    package let oomScoreApplied: Bool

    init(pid: Int32, owning pidfd: Int32?, oomScoreApplied: Bool) {
        self.pid = pid
        self.pidfd = pidfd
        self.oomScoreApplied = oomScoreApplied
    }

    deinit {
        if let pidfd { _ = close(pidfd) }
    }

    /// Signals it; false when it is gone already. Only until its exit is collected, where there is no pidfd.
    @discardableResult
    package func signal(_ number: Int32) -> Bool {
        if let pidfd {
            let result = clinux_pidfd_send_signal(pidfd, number)
            // A container's filter may know the descriptor but not the call.
            if result != -ENOSYS && result != -EPERM { return result == 0 }
        }
        return kill(pid, number) == 0
    }

    /// Its exit, once; nil while it runs.
    ///
    /// - Throws: ECHILD when it was collected already.
    package func collect() throws(Errno) -> ExitFacts? {
        try Reaper.collect(pid: pid)
    }
}

/// Signals by number.
package enum ProcessSignal {
    /// Signals what stayed in the process group that `setsid` in the shim gave to `leader`.
    ///
    /// Right until the leader's exit is collected; after that as long as a member lives, for so long the kernel does not
    /// give the number away.
    @discardableResult
    package static func send(_ signal: Int32, toGroupOf leader: Int32) -> Bool {
        leader > 1 && kill(-leader, signal) == 0
    }
}
