import Glibc
import Testing

@testable import Supervisor

struct ReaperTests {
    @Test("exit codes and signals are told apart, 137 and SIGKILL included")
    func endings() throws {
        #expect(try Program.shell("exit 137").wait().ending == .code(137))
        #expect(try Program.shell("kill -9 $$").wait().ending == .signal(SIGKILL, coreDumped: false))
        #expect(try Program.shell("kill -SEGV $$").wait().ending == .signal(SIGSEGV, coreDumped: false))
    }

    @Test("the largest resident size is in the exit facts")
    func peak() throws {
        let program = try Program.python("x = bytearray(b'x' * (48 << 20))")
        let facts = try program.wait()
        #expect(facts.peakResidentBytes > 48 << 20)
        #expect(facts.peakResidentBytes < 1 << 30)
        #expect(facts.cpuTime > .zero)
    }

    @Test("a running child has no facts, a collected one is no child any more")
    func collect() throws {
        let program = try Program.shell("echo up; exec sleep 1000")
        #expect(try program.line() == "up")
        #expect(try Reaper.collect(pid: program.pid) == nil)
        program.kill(SIGKILL)
        try program.wait()
        let error = #expect(throws: Errno.self) { try Reaper.collect(pid: program.pid) }
        #expect(error?.code == ECHILD)
    }

    @Test("orphans of dead workers come to the subreaper and are buried")
    func orphans() async {
        // In a process of its own: sweeping here would steal the children of other tests.
        await #expect(processExitsWith: .success) {
            try Reaper.becomeSubreaper()
            // The deadline of all that is waited for here.
            alarm(UInt32(patience.components.seconds))
            // The shell is gone long before its grandchildren end.
            let script = "i=0; while [ $i -lt 300 ]; do (sleep 0.2 &); i=$((i+1)); done; exec true"
            let shell = try ProcessSpawner.spawn(
                SpawnRequest(
                    executable: .path("/bin/sh"),
                    arguments: ["sh", "-c", script],
                    environment: ["PATH=/usr/bin:/bin"]
                )
            )
            var seen: Set<Int32> = []
            while seen.count < 301 {
                Self.awaitExit()
                guard let facts = Reaper.peek() else { continue }
                // Found again until it is buried: its number is kept.
                #expect(Reaper.peek()?.pid == facts.pid)
                #expect(kill(facts.pid, 0) == 0)
                #expect(try Reaper.collect(pid: facts.pid)?.ending == facts.ending)
                #expect(seen.insert(facts.pid).inserted)
            }
            #expect(seen.contains(shell.pid))
            #expect(seen.count >= 301)
            #expect(throws: Errno.self) { try Reaper.collect(pid: shell.pid) }
            let last = try ProcessSpawner.spawn(SpawnRequest(executable: .path("/bin/true"), arguments: ["true"]))
            Self.awaitExit()
            #expect(Reaper.sweep(limit: 0) == 0)
            #expect(Reaper.sweep() == 1 && Reaper.peek() == nil)
            _ = last
            exit(0)
        }
    }

    /// Returns once somebody has exited, who stays to be found.
    private static func awaitExit() {
        var facts = siginfo_t()
        while waitid(P_ALL, 0, &facts, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    }

    @Test("a signal by pidfd reaches the process, and says so when it is gone")
    func pidfd() throws {
        let child = try ProcessSpawner.spawn(
            SpawnRequest(executable: .path("/bin/sleep"), arguments: ["sleep", "1000"], diesWithSupervisor: false)
        )
        let poller = try Poller()
        try poller.add(try #require(child.pidfd), .read, token: 1)
        #expect(child.signal(SIGTERM))
        #expect(try !poller.wait(timeout: patience).isEmpty)
        #expect(!isAlive(child.pid))
        // A zombie still takes signals; once collected it does not.
        #expect(try child.collect()?.ending == .signal(SIGTERM, coreDumped: false))
        #expect(!child.signal(SIGTERM))
    }
}
