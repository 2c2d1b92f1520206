internal import CLinux
internal import Glibc

/// Collects the exit statuses of our own children and of the orphans that come to us.
///
/// Whoever is found dead is either in the supervisor's table or an orphan of a worker, adopted because we are PID 1 or a
/// subreaper, which only needs burying.
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

    /// Somebody who has exited, own child or adopted orphan, and is not buried yet: as long as it is a zombie, its number
    /// and the number of its process group are nobody else's, so what it left behind can be signalled by them. Bury it
    /// with `collect`, or it is found here for ever.
    package static func peek() -> ExitFacts? {
        var exit = clinux_exit()
        return clinux_peek(&exit) == 1 ? ExitFacts(exit) : nil
    }

    /// Buries all that have exited, at most `limit` of them; for those whose statuses no longer matter.
    @discardableResult
    package static func sweep(limit: Int = 256) -> Int {
        var count = 0
        while count < limit {
            var exit = clinux_exit()
            guard clinux_wait(0, &exit) == 1 else { break }
            count += 1
        }
        return count
    }
}
