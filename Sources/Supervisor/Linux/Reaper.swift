internal import CLinux
internal import Glibc

/// Collects the exit statuses of our own children and of the orphans that come to us.
///
/// Own children are waited for by pid (the shim's pidfd says when); everything else that SIGCHLD announces is an orphan
/// of a worker, adopted because we are PID 1 or its subreaper, and only needs burying.
package enum Reaper {
    /// Makes orphans come to us when we are not PID 1. Call before the first spawn.
    package static func becomeSubreaper() throws(Errno) {
        try Errno.check(clinux_set_subreaper(true), "prctl PR_SET_CHILD_SUBREAPER")
    }

    /// The exit of one child, or nil while it runs.
    ///
    /// - Throws: ECHILD when it is not (or no longer) a child of ours.
    package static func collect(pid: Int32) throws(Errno) -> ExitFacts? {
        guard pid > 0 else { throw Errno(ECHILD, "waitid", "pid \(pid)") }
        var exit = clinux_exit()
        let got = try Errno.check(clinux_wait(pid, &exit), "waitid", "pid \(pid)")
        return got == 0 ? nil : ExitFacts(exit)
    }

    /// Collects all that have exited, own children and orphans alike, at most `limit` of them so that a flood of orphans
    /// cannot hold the loop; the caller sorts them by pid. Call at SIGCHLD, again while it returns `limit`.
    ///
    /// A status is never lost to this sweep: an own child that appears here is to be treated as by `collect`.
    package static func sweep(limit: Int = 256) -> [ExitFacts] {
        var all: [ExitFacts] = []
        while all.count < limit {
            var exit = clinux_exit()
            guard clinux_wait(0, &exit) == 1 else { break }
            all.append(ExitFacts(exit))
        }
        return all
    }
}
