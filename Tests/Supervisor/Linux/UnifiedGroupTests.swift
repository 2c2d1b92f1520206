import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// What is read from and written to the files of a v2 group, against files that a test writes.
struct UnifiedGroupTests {
    private static let megabyte: Int64 = 1 << 20

    /// A directory with the files of a v2 group beneath one with the files of a container.
    private final class Tree {
        let directory = TemporaryDirectory()
        var container: CgroupDirectory { CgroupDirectory(directory.path) }
        var group: CgroupDirectory { container.child("w") }

        init() throws {
            try group.make()
            for place in [container, group] {
                try set("memory.events.local", "low 0\nhigh 0\nmax 7\noom 0\noom_kill 0\noom_group_kill 0\n", in: place)
                try set("memory.events", "low 0\nhigh 0\nmax 7\noom 9\noom_kill 9\n", in: place)
            }
            for file in ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs"] {
                try set(file, "", in: group)
            }
            try set("memory.max", "268435456\n", in: container)
            try stat(anon: 10)
        }

        func set(_ file: String, _ text: String, in place: CgroupDirectory) throws {
            try SystemFile.replace("\(place.path)/\(file)", with: text, mode: 0o644)
        }

        func stat(anon: Int64) throws {
            let lines = [
                "anon \(anon << 20)", "file 900000000", "kernel 3145728", "sock 4096", "shmem 2097152",
                "slab_reclaimable 1048576",
            ]
            try set("memory.stat", lines.joined(separator: "\n") + "\n", in: group)
        }

        func count(oom: Int, kills: Int, in place: CgroupDirectory) throws {
            try set("memory.events.local", "low 0\nmax 9\noom \(oom)\noom_kill \(kills)\n", in: place)
        }

        func memoryGroup(hard: Int64 = 64 << 20) throws -> MemoryGroup {
            try MemoryGroup(
                .init(limit: LimitGroup(directory: group, version: .v2), kill: group, tasks: group),
                enclosing: EnclosingLimits(nearest: container, version: .v2),
                hardLimitBytes: hard
            )
        }
    }

    private static func cause(_ group: MemoryGroup, signal: Int32 = SIGKILL) -> DeathCause {
        let exit = ExitFacts(pid: 7, ending: .signal(signal, coreDumped: false))
        return CauseOfDeath(exit: exit, evidence: group.evidence(exit: exit)).cause
    }

    @Test("a group is given its limit, no swap, one end for all and a bound on its tasks")
    func limits() throws {
        let tree = try Tree()
        let group = try tree.memoryGroup()
        #expect(tree.group.number("memory.max") == 64 * Self.megabyte)
        #expect(tree.group.text("memory.swap.max") == "0")
        #expect(tree.group.text("memory.oom.group") == "1")
        #expect(tree.group.number("pids.max") == MemoryGroup.taskLimit)
        #expect(group.entries.count == 1)
        #expect(group.dataLimitBytes == nil)
        #expect(group.taskLimit(hasOwnUser: true) == nil)
    }

    @Test("page cache and what the kernel gives back by itself is not used memory")
    func used() throws {
        let tree = try Tree()
        let group = try tree.memoryGroup()
        #expect(group.usage(pid: 0)?.usedBytes == 14 * Self.megabyte + 4096)
        // Before 5.18 there is no `kernel`, but its parts.
        try tree.set(
            "memory.stat",
            "anon 1000\nkernel_stack 20\npagetables 3\nslab 500\nslab_reclaimable 100\n",
            in: tree.group
        )
        #expect(group.usage(pid: 0)?.usedBytes == 1423)
        #expect(group.sampledPeakBytes == 14 * Self.megabyte + 4096)
        _ = unlink("\(tree.group.path)/memory.stat")
        #expect(group.usage(pid: 0) == nil)
    }

    @Test("a limit is not lowered below what is used: v2 would kill")
    func lowering() throws {
        let tree = try Tree()
        let group = try tree.memoryGroup()
        try group.setHardLimit(15 * Self.megabyte)
        #expect(tree.group.number("memory.max") == 15 * Self.megabyte)
        #expect(throws: Errno.self) { try group.setHardLimit(14 * Self.megabyte) }
        #expect(tree.group.number("memory.max") == 15 * Self.megabyte)
        #expect(group.hardLimitBytes == 15 * Self.megabyte)
    }

    @Test("the counters name the limit: its own, the one around it, or nobody's here")
    func whose() throws {
        let tree = try Tree()
        #expect(Self.cause(try tree.memoryGroup()) == .signal)
        var group = try tree.memoryGroup()
        try tree.count(oom: 1, kills: 1, in: tree.group)
        #expect(Self.cause(group) == .oomOwn)
        // From here on the counters of the last death are the starting point.
        group = try tree.memoryGroup()
        try tree.count(oom: 1, kills: 2, in: tree.group)
        try tree.count(oom: 1, kills: 0, in: tree.container)
        #expect(Self.cause(group) == .oomContainer)
        group = try tree.memoryGroup()
        try tree.count(oom: 1, kills: 3, in: tree.group)
        #expect(Self.cause(group) == .oomHost)
        // A neighbour ran into its own limit, and into the container's: not this one's affair.
        group = try tree.memoryGroup()
        try tree.count(oom: 2, kills: 1, in: tree.container)
        #expect(Self.cause(group) == .signal)
    }

    @Test("a plain kill long after an OOM kill in the same group is a plain kill")
    func laterKill() throws {
        let tree = try Tree()
        let group = try tree.memoryGroup()
        try tree.count(oom: 1, kills: 1, in: tree.group)
        #expect(group.usage(pid: 0)?.isMaimed == true)
        #expect(Self.cause(group) == .oomOwn)
        #expect(group.usage(pid: 0)?.isMaimed == false)
        _ = group.usage(pid: 0)
        #expect(Self.cause(group) == .signal)
    }

    @Test("without a group of one's own one OOM kill of the container explains one death, not two")
    func sharedCounter() throws {
        let tree = try Tree()
        let enclosing = EnclosingLimits(nearest: tree.container, version: .v2)
        let groups = try (0..<2).map { _ in
            try MemoryGroup(.init(), enclosing: enclosing, hardLimitBytes: 64 * Self.megabyte)
        }
        try tree.count(oom: 1, kills: 1, in: tree.container)
        #expect(Self.cause(groups[0]) == .oomContainer)
        #expect(Self.cause(groups[1]) == .signal)
    }

    @Test("the total is the smallest limit around us, read anew each time")
    func total() throws {
        let tree = try Tree()
        let enclosing = EnclosingLimits(nearest: tree.group, version: .v2)
        #expect(enclosing.totalBytes() == 256 * Self.megabyte)
        try tree.set("memory.max", "128000000\n", in: tree.group)
        #expect(enclosing.totalBytes() == 128_000_000)
        try tree.set("memory.max", "64000000\n", in: tree.container)
        #expect(enclosing.totalBytes() == 64_000_000)
        try tree.set("memory.max", "max\n", in: tree.container)
        try tree.set("memory.max", "max\n", in: tree.group)
        #expect(enclosing.totalBytes() == nil)
    }

    @Test(
        "nonsense in the kernel's files is no number and no trap",
        arguments: ["", "anon", "anon x\nkernel -5\n", "oom 99999999999999999999\n"]
    )
    func nonsense(text: String) throws {
        let tree = try Tree()
        let group = try tree.memoryGroup()
        for file in ["memory.stat", "memory.events.local", "memory.events", "memory.max"] {
            try tree.set(file, text, in: tree.group)
            try tree.set(file, text, in: tree.container)
        }
        _ = group.usage(pid: 0)
        #expect(Self.cause(group) == .signal)
    }
}
