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
            let deadline = Instant.now() + patience
            while seen.count < 301, Instant.now() < deadline {
                guard let facts = Reaper.peek() else {
                    usleep(1000)
                    continue
                }
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
            try eventually("its end") { Reaper.peek() != nil }
            #expect(Reaper.sweep(limit: 0) == 0)
            #expect(Reaper.sweep() == 1 && Reaper.peek() == nil)
            _ = last
            exit(0)
        }
    }

    @Test("a signal by pidfd reaches the process, and says so when it is gone")
    func pidfd() throws {
        let child = try ProcessSpawner.spawn(
            SpawnRequest(executable: .path("/bin/sleep"), arguments: ["sleep", "1000"], diesWithSupervisor: false)
        )
        #expect(child.pidfd != nil)
        #expect(child.signal(SIGTERM))
        try eventually("the end of the child") { !isAlive(child.pid) }
        // A zombie still takes signals; once collected it does not.
        #expect(try child.collect()?.ending == .signal(SIGTERM, coreDumped: false))
        #expect(!child.signal(SIGTERM))
    }
}
