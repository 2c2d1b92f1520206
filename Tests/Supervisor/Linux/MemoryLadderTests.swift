import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// Budgets against real memory groups and real processes that break them.
struct MemoryLadderTests {
    /// A ladder with a parent group of its own, removed at the end.
    private final class Bench {
        let ladder: MemoryLadder
        private let enclosing: CgroupDirectory?

        /// - Parameter containerLimit: puts the ladder into a group with this limit, as a container would.
        init(containerLimit: Int64? = nil) throws {
            var layout = CgroupLayout.current()
            if let containerLimit {
                let own = try #require(layout.memoryV1.first { access($0, W_OK) == 0 })
                let group = CgroupDirectory(own).child("clawhold-test-\(UInt64.random(in: .min ... .max))")
                try group.make()
                try group.write("\(containerLimit)", to: "memory.limit_in_bytes")
                layout.memoryV1 = [group.path]
                enclosing = group
            } else {
                enclosing = nil
            }
            ladder = MemoryLadder(hash: "test\(UInt32.random(in: .min ... .max))", layout: layout)
        }

        deinit {
            ladder.shutDown()
            enclosing?.remove()
        }
    }

    private static let megabyte: Int64 = 1 << 20
    /// Takes memory for good, 1 MB after the other, up to the given number.
    private static func hog(_ megabytes: Int) -> String {
        "held = []\nfor n in range(\(megabytes)): held.append(bytearray(b'x' * (1 << 20)))\nprint('held', flush=True)\n"
            + "import time\ntime.sleep(1000)"
    }

    private static func start(_ script: String, in group: MemoryGroup) throws -> Program {
        let program = try Program.python(script) { request in
            request.memoryEntries = group.entries
            request.dataLimitBytes = group.dataLimitBytes
        }
        group.closeEntries()
        return program
    }

    @Test(
        "a worker that allocates ten times its budget dies of its own budget",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func ownBudget() throws {
        let bench = try Bench()
        #expect(bench.ladder.rung != .processLimit)
        let group = try bench.ladder.makeGroup(worker: "agent:main", incarnation: 1, hardLimitBytes: 32 * Self.megabyte)
        let program = try Self.start(Self.hog(320), in: group)
        let exit = try program.wait()
        #expect(exit.ending == .signal(SIGKILL, coreDumped: false))
        let cause = CauseOfDeath(exit: exit, evidence: group.evidence())
        #expect(cause.cause == .oomOwn)
        #expect(cause.isOwnDoing)
        #expect(cause.text == "out of memory in its own budget (32 MB)")
        bench.ladder.dispose(group)
        #expect(bench.ladder.removeLeftovers())
        #expect(group.directories.allSatisfy { access($0.path, F_OK) != 0 })
    }

    @Test(
        "a plain kill -9 is a signal, however full the budget once was",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func plainKill() throws {
        let bench = try Bench()
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 64 * Self.megabyte)
        let program = try Self.start(Self.hog(40), in: group)
        #expect(try program.line() == "held")
        let usage = try #require(group.usage(pid: program.pid))
        #expect(usage.usedBytes > 40 * Self.megabyte)
        #expect(usage.usedBytes < 64 * Self.megabyte)
        program.kill(SIGKILL)
        let cause = CauseOfDeath(exit: try program.wait(), evidence: group.evidence())
        #expect(cause.cause == .signal)
        #expect(!cause.isOwnDoing)
        #expect(group.sampledPeakBytes == usage.peakBytes)
    }

    @Test(
        "a worker within its budget that dies for the container's limit is not blamed",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func containerLimit() throws {
        let bench = try Bench(containerLimit: 48 * Self.megabyte)
        #expect(bench.ladder.totalBytes == 48 * Self.megabyte)
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 256 * Self.megabyte)
        let exit = try Self.start(Self.hog(128), in: group).wait()
        let cause = CauseOfDeath(exit: exit, evidence: group.evidence())
        #expect(cause.cause == .oomContainer)
        #expect(!cause.isOwnDoing)
    }

    @Test(
        "page cache is neither counted nor taken for a broken budget",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func pageCache() throws {
        let bench = try Bench()
        let directory = TemporaryDirectory()
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 48 * Self.megabyte)
        let script = """
            with open('\(directory.path)/data', 'wb') as file:
                for n in range(96): file.write(bytes(1 << 20))
            print('written', flush=True)
            import time
            time.sleep(1000)
            """
        let program = try Self.start(script, in: group)
        #expect(try program.line() == "written")
        let usage = try #require(group.usage(pid: program.pid))
        #expect(usage.usedBytes < 24 * Self.megabyte)
        // The group has been at its limit, with nothing but cache.
        let mark = group.directories.first?.number("memory.max_usage_in_bytes") ?? 0
        #expect(mark > 47 * Self.megabyte)
        #expect(group.evidence().exhausted == nil)
        program.kill(SIGKILL)
        #expect(CauseOfDeath(exit: try program.wait(), evidence: group.evidence()).cause == .signal)
    }

    @Test(
        "a grandchild that left the session dies with its group",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups)),
        arguments: [true, false]
    )
    func escapee(withUnifiedTree: Bool) throws {
        var layout = CgroupLayout.current()
        if !withUnifiedTree { layout.unified = [] }
        let ladder = MemoryLadder(hash: "test\(UInt32.random(in: .min ... .max))", layout: layout)
        defer { ladder.shutDown() }
        let group = try ladder.makeGroup(worker: "a", incarnation: 7, hardLimitBytes: 64 * Self.megabyte)
        let program = try Program.shell("setsid sh -c 'echo $$; exec sleep 1000' & wait") { request in
            request.memoryEntries = group.entries
            request.environment = ["PATH=/usr/bin:/bin"]
        }
        let escapee = try #require(Int32(program.line()))
        #expect(ProcessFacts.stat(of: escapee)?.session == escapee)
        #expect(Set(group.members).isSuperset(of: [program.pid, escapee]))
        group.killAll()
        try program.wait()
        try eventually("the escapee's end") { !isAlive(escapee) }
    }

    @Test(
        "groups of a dead supervisor are killed and removed, those of another state directory are not touched",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func stale() throws {
        let hash = "test\(UInt32.random(in: .min ... .max))"
        let dead = MemoryLadder(hash: hash)
        let group = try dead.makeGroup(worker: "channel:telegram:default", incarnation: 3, hardLimitBytes: nil)
        let other = try Bench()
        let otherGroup = try other.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: nil)
        let survivor = try Self.start("print('up', flush=True)\nimport time\ntime.sleep(1000)", in: otherGroup)
        let orphan = try Self.start("print('up', flush=True)\nimport time\ntime.sleep(1000)", in: group)
        #expect(try orphan.line() == "up")
        #expect(try survivor.line() == "up")
        let next = MemoryLadder(hash: hash)
        defer { next.shutDown() }
        #expect(try orphan.wait().ending == .signal(SIGKILL, coreDumped: false))
        #expect(isAlive(survivor.pid))
        // What a zombie still held a moment ago must not stop the same name from being used again.
        let again = try next.makeGroup(worker: "channel:telegram:default", incarnation: 3, hardLimitBytes: nil)
        #expect(again.members.isEmpty)
        #expect(again.directories.first?.path.hasSuffix("/clawhold-\(hash)/channel_telegram_default.3") == true)
    }

    @Test(
        "two hundred incarnations leave no descriptor, no group and no process behind",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func leaks() async {
        await #expect(processExitsWith: .success) {
            let ladder = MemoryLadder(hash: "test\(UInt32.random(in: .min ... .max))")
            let poller = try Poller()
            func incarnation(_ number: UInt64) throws {
                let group = try ladder.makeGroup(worker: "a", incarnation: number, hardLimitBytes: 64 << 20)
                let request = SpawnRequest(
                    executable: .path("/bin/true"),
                    arguments: ["true"],
                    memoryEntries: group.entries
                )
                let child = try ProcessSpawner.spawn(request)
                guard let pidfd = child.pidfd else { throw TimedOut(waitingFor: "a pidfd") }
                try poller.add(pidfd, .read, token: number)
                while try child.collect() == nil { _ = try poller.wait(timeout: patience) }
                try poller.remove(pidfd)
                _ = group.evidence()
                ladder.dispose(group)
            }
            try incarnation(0)
            let before = SystemFile.names(in: "/proc/self/fd").count
            for number: UInt64 in 1...200 { try incarnation(number) }
            #expect(SystemFile.names(in: "/proc/self/fd").count == before)
            try eventually("the last group to be empty") { ladder.removeLeftovers() }
            ladder.shutDown()
            exit(0)
        }
    }

    @Test(
        "a limit can be lowered and raised again, swap limit included",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func movingLimit() throws {
        let bench = try Bench()
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 64 * Self.megabyte)
        for megabytes: Int64 in [32, 128, 16, 256] {
            try group.setHardLimit(megabytes * Self.megabyte)
            #expect(group.directories.first?.number("memory.limit_in_bytes") == megabytes * Self.megabyte)
            #expect(group.hardLimitBytes == megabytes * Self.megabyte)
        }
    }

    @Test(
        "the kernel tells when a worker comes to its soft limit, and does not slow it down",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func softNotice() throws {
        let bench = try Bench()
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 128 * Self.megabyte)
        let notice = try #require(group.softNotice(at: 48 * Self.megabyte))
        let poller = try Poller()
        notice.arm()
        try poller.add(notice.fd, notice.readiness, token: 1)
        let below = try Self.start(Self.hog(16), in: group)
        #expect(try below.line() == "held")
        #expect(try poller.wait(timeout: .zero).isEmpty)
        below.kill(SIGKILL)
        try below.wait()
        let again = try bench.ladder.makeGroup(worker: "a", incarnation: 2, hardLimitBytes: 128 * Self.megabyte)
        let second = try #require(again.softNotice(at: 48 * Self.megabyte))
        second.arm()
        try poller.add(second.fd, second.readiness, token: 2)
        let above = try Self.start(Self.hog(80), in: again)
        #expect(try poller.wait(timeout: patience).map(\.token) == [2])
        second.disarm()
        try poller.remove(second.fd)
        // On v2 it would never get there with the bar left in place.
        #expect(try above.line() == "held")
        #expect(again.softNotice(at: 48 * Self.megabyte) === second)
        #expect(again.softNotice(at: 64 * Self.megabyte) !== second)
        #expect(again.softNotice(at: 0) == nil)
    }

    @Test(
        "without notices from the kernel its counters and high-water marks tell whose limit it was",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func withoutNotices() async {
        await #expect(processExitsWith: .success) {
            // What a kernel without cgroup.event_control comes to: no notice can be registered.
            #expect(Denial.deny(Denial.eventfd, code: ENOSYS))
            let bench = try Bench()
            let megabyte: Int64 = 1 << 20
            let own = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 32 * megabyte)
            #expect(own.softNotice(at: 16 * megabyte) == nil || bench.ladder.rung == .cgroupV2)
            let exceeded = try MemoryLadderTests.start(MemoryLadderTests.hog(64), in: own).wait()
            #expect(CauseOfDeath(exit: exceeded, evidence: own.evidence(exit: exceeded)).cause == .oomOwn)
            let other = try bench.ladder.makeGroup(worker: "b", incarnation: 1, hardLimitBytes: 64 * megabyte)
            let killed = try MemoryLadderTests.start(MemoryLadderTests.hog(40), in: other)
            #expect(try killed.line() == "held")
            _ = other.usage(pid: killed.pid)
            killed.kill(SIGKILL)
            let exit = try killed.wait()
            #expect(CauseOfDeath(exit: exit, evidence: other.evidence(exit: exit)).cause == .signal)
            bench.ladder.dispose(own)
            bench.ladder.dispose(other)
            Glibc.exit(0)
        }
    }

    @Test(
        "where the kernel took one process of a worker the rest is ours to end, for the same cause",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func maimed() throws {
        let bench = try Bench()
        // v2 ends the group by itself.
        guard bench.ladder.rung == .cgroupV1 else { return }
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 48 * Self.megabyte)
        let leader = try Program.shell("python3 -I -c \"$0\"; echo lost; exec sleep 1000") { request in
            request.arguments.append(Self.hog(100))
            request.environment = ["PATH=/usr/bin:/bin"]
            request.memoryEntries = group.entries
        }
        group.closeEntries()
        // The shell's own word for its child's death comes before it.
        while try leader.line() != "lost" {}
        #expect(group.usage(pid: leader.pid)?.isMaimed == true)
        group.killAll()
        let exit = try leader.wait()
        #expect(CauseOfDeath(exit: exit, evidence: group.evidence(exit: exit)).cause == .oomOwn)
    }

    @Test("without a writable group the budget becomes RLIMIT_DATA, and a refused allocation is named")
    func processLimit() throws {
        let ladder = MemoryLadder(hash: "test", layout: CgroupLayout(memoryV1: ["/proc/nonexistent"], unified: []))
        #expect(ladder.rung == .processLimit)
        #expect(ladder.explanation.contains("/proc/nonexistent/clawhold-test"))
        let tiny = try ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 8 * Self.megabyte)
        #expect(tiny.dataLimitBytes == 64 * Self.megabyte)
        let group = try ladder.makeGroup(worker: "a", incarnation: 2, hardLimitBytes: 96 * Self.megabyte)
        #expect(group.dataLimitBytes == 128 * Self.megabyte)
        #expect(group.entries.isEmpty)
        let script =
            "import os, select\nheld = []\ntry:\n  while True: held.append(bytearray(b'x' * (1 << 20)))\nexcept MemoryError:\n"
            + "  print('refused', flush=True)\n  select.select([0], [], [])\n  os.abort()"
        let gate = try SocketPair()
        let program = try Program(["/usr/bin/python3", "-I", "-c", script]) { request in
            request.dataLimitBytes = group.dataLimitBytes
            request.descriptors[0] = gate.theirs.raw
        }
        #expect(try program.line() == "refused")
        let usage = try #require(group.usage(pid: program.pid))
        #expect(usage.usedBytes > 64 * Self.megabyte)
        #expect(usage.usedBytes < 160 * Self.megabyte)
        _ = try [10].withUnsafeBytes { try gate.ours.write($0) }
        let exit = try program.wait()
        #expect(exit.ending == .signal(SIGABRT, coreDumped: false))
        let cause = CauseOfDeath(exit: exit, evidence: group.evidence())
        #expect(cause.cause == .allocation)
        #expect(cause.isOwnDoing)
        #expect(group.usage(pid: program.pid) == nil)
    }

    @Test(
        "without a writable group shared memory counts, with what the program started, and the supervisor's word is the cause"
    )
    func overLimit() throws {
        let ladder = MemoryLadder(hash: "test", layout: CgroupLayout(memoryV1: [], unified: []))
        let group = try ladder.makeGroup(worker: "sidecar:a", incarnation: 1, hardLimitBytes: 32 * Self.megabyte)
        let script =
            "import mmap, os, time\npid = os.fork()\nheld = mmap.mmap(-1, 24 << 20)\nheld.write(bytes([1]) * (24 << 20))\n"
            + "if pid: print('held', flush=True)\ntime.sleep(1000)"
        let program = try Program.python(script)
        group.entered(
            WorkerOrigin(pid: program.pid, worker: "sidecar:a", incarnation: 1, uid: nil, isForeign: true)
        )
        #expect(try program.line() == "held")
        try eventually("both to have their share") { (group.usage(pid: program.pid)?.usedBytes ?? 0) > 48 << 20 }
        let usage = try #require(group.usage(pid: program.pid))
        #expect(usage.isOverLimit)
        group.condemn(usedBytes: usage.usedBytes)
        // The second process too: it holds our standard error.
        ProcessSignal.send(SIGKILL, toGroupOf: program.pid)
        let exit = try program.wait()
        let cause = CauseOfDeath(exit: exit, evidence: group.evidence(exit: exit))
        #expect(cause.cause == .oomOwn)
        #expect(cause.isOwnDoing)
    }

    @Test("the limit of a living process is moved, and not below what it has")
    func movingProcessLimit() throws {
        let ladder = MemoryLadder(hash: "test", layout: CgroupLayout(memoryV1: [], unified: []))
        let group = try ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 256 * Self.megabyte)
        let program = try Self.start(
            "held = bytearray(b'x' * (100 << 20))\nprint('up', flush=True)\nimport time\ntime.sleep(1000)",
            in: group
        )
        group.entered(WorkerOrigin(pid: program.pid, worker: "a", incarnation: 1, uid: nil, isForeign: false))
        #expect(try program.line() == "up")
        try group.setHardLimit(160 * Self.megabyte)
        let limits = try SystemFile.text("/proc/\(program.pid)/limits")
        #expect(limits.contains("\(192 * Self.megabyte)"))
        #expect(throws: Errno.self) { try group.setHardLimit(32 * Self.megabyte) }
        #expect(isAlive(program.pid))
    }

    @Test(
        "a start in a group whose limit is below what a process needs is told as its own budget",
        .enabled(if: Requirement.hasMemoryGroups, Comment(rawValue: Requirement.memoryGroups))
    )
    func tooSmall() throws {
        let bench = try Bench()
        let group = try bench.ladder.makeGroup(worker: "a", incarnation: 1, hardLimitBytes: 1)
        #expect(group.hardLimitBytes == Self.megabyte)
        let exit = try Self.start("pass", in: group).wait()
        #expect(CauseOfDeath(exit: exit, evidence: group.evidence()).cause == .oomOwn)
    }
}
