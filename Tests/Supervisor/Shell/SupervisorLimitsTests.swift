import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// Limits that take ten seconds to reach, all at the same time.
@Suite("Time limits of the supervisor as a process")
struct SupervisorLimitsTests {
    @Test("a planner that hangs is killed after ten seconds")
    func hangingPlanner() throws {
        let run = try SupervisorRun(FixturePlanText(refusal: "hang"))
        #expect(try run.exitCode(within: 30) == 70)
        #expect(run.hasLine("did not finish within 10 s"))
    }

    @Test("a worker that never says READY, and one that falls silent, are killed after ten seconds and come back")
    func silence() throws {
        let plan = FixturePlanText().with("gateway").with("agent:deaf", "deaf").with("agent:silent", "silent")
        let run = try SupervisorRun(plan)
        let gateway = try run.ready("gateway", 1)
        try run.line(within: 30, "agent:deaf died: not ready within 10 s; restart 1 in")
        try run.line(within: 30, "agent:silent died: no heartbeat for 10 s; restart 1 at once")
        let rows = try run.ask("ps")
        #expect(rows.first { $0["ID"] == "agent:silent" }?["CAUSE"] == "watchdog")
        #expect(rows.first?["PID"] == "\(gateway)")
    }

    @Test("a client of the control socket that says nothing is let go after ten seconds, one that waits is not")
    func silentClient() throws {
        let run = try SupervisorRun(FixturePlanText().with("gateway"))
        _ = try run.ready("gateway", 1)
        let follower = try ControlConnection(run)
        try follower.send("events", ["FOLLOW": "1"])
        let start = Instant.now()
        let silent = try ControlConnection(run)
        #expect(try silent.next(within: 30) == nil)
        #expect(Instant.now() - start >= .seconds(9))
        kill(try run.ready("gateway", 1), SIGKILL)
        while let event = try follower.next(within: 30) {
            if event["TEXT"]?.contains("killed by SIGKILL") == true { return }
        }
        Issue.record("the follower was let go")
    }

    @Test("what escaped from a worker into a session of its own does not outlive the supervisor")
    func orphans() throws {
        let script = "setsid sleep 1000 & echo escaped $!; wait"
        let plan = FixturePlanText().with("gateway").with("sidecar:x", arguments: ["/bin/sh", "-c", script])
        let run = try SupervisorRun(plan)
        let escaped = SupervisorRun.pid(in: try run.line("[x] escaped "), after: "escaped ")
        #expect(kill(escaped, 0) == 0)
        _ = try run.ask("shutdown")
        #expect(try run.exitCode() == 0)
        try eventually("the end of the escaped", within: .seconds(10)) { kill(escaped, 0) != 0 }
    }

    /// One process forks, the others sleep: where nothing limits it, five thousand sleepers are all that comes of it.
    @Test("a worker that forks against its limit is ended and named for it, and comes back")
    func forkBomb() throws {
        // A plan's line has no line breaks; Python makes its own.
        let loop = #"for _ in range(5000):\n try:\n  os.fork() or time.sleep(1000)\n except OSError: pass"#
        let script = "import os, time; exec('\(loop)'); time.sleep(1000)"
        let plan = FixturePlanText().with("gateway")
            .with("sidecar:bomb", arguments: ["/usr/bin/python3", "-c", script])
        let run = try SupervisorRun(plan)
        let gateway = try run.ready("gateway", 1)
        try run.line(within: 30, "sidecar:bomb died: forks without end: used up its \(MemoryGroup.taskLimit) tasks")
        #expect(try run.ask("ps").first { $0["ID"] == "gateway" }?["PID"] == "\(gateway)")
        _ = try run.ask("shutdown")
        #expect(try run.exitCode() == 0)
    }
}
