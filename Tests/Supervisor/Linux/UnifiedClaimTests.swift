import Glibc
import Testing

@testable import Supervisor

/// Taking and giving back a part of the v2 tree, by the kernel's own rules: with a controller that v1 has not taken, since
/// the rules are the same for all of them. Memory itself is proven in `Tests/Lab`.
@Suite(
    .serialized,
    .enabled(if: UnifiedBench.isPossible, "not run: needs root and a v2 tree with the hugetlb controller")
)
struct UnifiedClaimTests {
    @Test("who sits in the group is moved to a leaf, and moved back at the end")
    func movesEverybody() throws {
        let bench = try UnifiedBench()
        let shell = try bench.start()
        let other = try bench.start()
        // What the whole thing is about: a group with processes hands nothing down.
        #expect(throws: Errno.self) { try bench.own.write("+hugetlb", to: "cgroup.subtree_control") }
        let claim = try bench.claim()
        #expect(bench.own.members().isEmpty)
        #expect(Set(bench.own.child("clawhold-t/supervisor").members()) == [shell.pid, other.pid])
        #expect(claim.parent.lists("hugetlb", in: "cgroup.subtree_control"))
        #expect(!claim.parent.child("probe").exists)
        claim.giveBack()
        #expect(Set(bench.own.members()) == [shell.pid, other.pid])
        #expect(bench.own.children().isEmpty)
        #expect(!bench.own.lists("hugetlb", in: "cgroup.subtree_control"))
    }

    @Test("a worker enters its group, and what is left of it ends when the tree is given back")
    func workers() throws {
        let bench = try UnifiedBench()
        let claim = try bench.claim()
        let group = claim.parent.child("agent_main.1")
        try group.make()
        let worker = try bench.start(in: group)
        #expect(group.members() == [worker.pid])
        claim.giveBack()
        #expect(try worker.wait().ending == .signal(SIGKILL, coreDumped: false))
        #expect(!claim.parent.exists)
    }

    @Test("after a supervisor that was killed the next one kills its workers, keeps the shell and gives all of it back")
    func deadPredecessor() throws {
        let bench = try UnifiedBench()
        let shell = try bench.start()
        let dead = try bench.claim()
        let group = dead.parent.child("sidecar_x.3")
        try group.make()
        let orphan = try bench.start(in: group)
        let kept = dead.parent.child("channel_y.1")
        try kept.make()
        let survivor = try bench.start(in: kept)
        // Started by hand from that shell, it finds itself in the leaf.
        let leaf = "/\(bench.name)/clawhold-t/supervisor"
        let layout = CgroupLayout(
            mountinfo: "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
            cgroup: "0::\(leaf)"
        )
        #expect(layout.unified.first == "/sys/fs/cgroup/\(bench.name)")
        let next = try bench.claim(keeping: ["channel_y.1"])
        #expect(try orphan.wait().ending == .signal(SIGKILL, coreDumped: false))
        #expect(isAlive(survivor.pid))
        #expect(isAlive(shell.pid))
        next.giveBack()
        #expect(bench.own.members() == [shell.pid])
        #expect(bench.own.children().isEmpty)
    }

    @Test("without the controller nothing is made and nobody moved")
    func noController() throws {
        let bench = try UnifiedBench()
        let shell = try bench.start()
        #expect(throws: Errno.self) { try UnifiedClaim(own: bench.own, name: "clawhold-t") }
        #expect(bench.own.children().isEmpty)
        #expect(bench.own.members() == [shell.pid])
    }

    @Test("when the probe fails everybody is where they were")
    func failedProbe() throws {
        let bench = try UnifiedBench()
        let shell = try bench.start()
        #expect(throws: Errno.self) {
            try UnifiedClaim(own: bench.own, name: "clawhold-t", controller: "hugetlb", probing: "hugetlb.none.max")
        }
        #expect(bench.own.members() == [shell.pid])
        #expect(bench.own.children().isEmpty)
        #expect(!bench.own.lists("hugetlb", in: "cgroup.subtree_control"))
    }
}

/// A group as a unit or a container would have it.
private final class UnifiedBench {
    private static let root = CgroupLayout.current().unified.first.map(CgroupDirectory.init)
    static let isPossible =
        Requirement.isRoot
        && root.map { $0.lists("hugetlb", in: "cgroup.controllers") && $0.has("cgroup.procs") } ?? false

    let own: CgroupDirectory
    let name = "test-\(UInt32.random(in: .min ... .max))"

    init() throws {
        guard let root = Self.root else { throw TimedOut(waitingFor: "a v2 tree") }
        try root.write("+hugetlb", to: "cgroup.subtree_control")
        own = root.child(name)
        try own.make()
    }

    deinit {
        own.kill()
        // Zombies are out of it at once; their parent is this process.
        awaitEmpty()
        own.remove()
        try? Self.root?.write("-hugetlb", to: "cgroup.subtree_control")
    }

    /// The kernel tells by POLLPRI when the last process of a tree is gone (cgroup-v2, "cgroup.events").
    private func awaitEmpty() {
        guard let events = try? Descriptor.open("\(own.path)/cgroup.events", O_RDONLY) else { return }
        let deadline = Instant.now() + patience
        while own.field("populated", in: "cgroup.events") == 1, Instant.now() < deadline {
            var change = pollfd(fd: events.raw, events: Int16(POLLPRI), revents: 0)
            poll(&change, 1, 1000)
        }
    }

    func claim(keeping kept: Set<String> = []) throws -> UnifiedClaim {
        try UnifiedClaim(
            own: own,
            name: "clawhold-t",
            controller: "hugetlb",
            probing: "hugetlb.2MB.max",
            keeping: kept
        )
    }

    func start(in group: CgroupDirectory? = nil) throws -> Program {
        let entry = try (group ?? own).openEntry()
        let program = try Program.shell("echo up; exec sleep 1000") { $0.memoryEntries = [entry.raw] }
        guard try program.line() == "up" else { throw TimedOut(waitingFor: "a program in the group") }
        return program
    }
}
