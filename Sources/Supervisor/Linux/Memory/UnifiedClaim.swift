internal import Glibc

/// Our part of a cgroup v2 tree that controls memory: taken at the start, given back at the end.
///
/// A group whose controllers are handed down may hold no processes of its own, so whoever is in ours (we, and a shell
/// that somebody opened in the container) is moved into a leaf beneath before that: `<own>/clawhold-<hash8>/supervisor`.
/// The workers' groups lie beside the leaf.
final class UnifiedClaim {
    static let leafName = "supervisor"

    /// The group that we were started in.
    let own: CgroupDirectory
    /// Parent of the workers' groups.
    let parent: CgroupDirectory
    /// Whether the number of tasks can be limited as well.
    private(set) var limitsTasks = false
    private let leaf: CgroupDirectory
    /// Whether it was we, or a dead supervisor of the same name, who switched the controllers on.
    private var isSwitchOurs: Bool

    /// Takes it, or leaves everything as it was.
    ///
    /// - Parameters:
    ///   - controller: that must be handed down; another one than memory only in tests.
    ///   - file: of that controller, which is tried with a value.
    ///   - kept: names of groups that live on, because their supervisor does.
    init(
        own: CgroupDirectory,
        name: String,
        controller: String = "memory",
        probing file: String = "memory.max",
        keeping kept: Set<String> = []
    ) throws(Errno) {
        self.own = own
        parent = own.child(name)
        leaf = parent.child(Self.leafName)
        isSwitchOurs = leaf.exists
        guard own.lists(controller, in: "cgroup.controllers") else {
            throw Errno(ENOENT, "find the \(controller) controller in", "\(own.path)/cgroup.controllers")
        }
        // Nothing of a dead supervisor's survives, except the leaf: whoever is in there was moved, not started, by it.
        for stale in parent.children() where stale != Self.leafName && !kept.contains(stale) {
            let group = parent.child(stale)
            group.kill(tasks: group)
            group.remove()
        }
        try parent.make()
        do throws(Errno) {
            try handDown(controller, from: own)
            try handDown(controller, from: parent)
            let probe = parent.child("probe")
            try probe.make()
            defer { probe.remove() }
            let wanted: Int64 = 64 << 20
            try probe.write("\(wanted)", to: file)
            guard probe.number(file) == wanted else { throw Errno(EIO, "read back", "\(probe.path)/\(file)") }
        } catch {
            giveBack()
            throw error
        }
        // Worth having, but no reason to do without a limit for memory.
        try? handDown("pids", from: own)
        try? handDown("pids", from: parent)
        limitsTasks = parent.lists("pids", in: "cgroup.subtree_control")
    }

    /// Switches a controller on for the groups beneath `group`.
    private func handDown(_ controller: String, from group: CgroupDirectory) throws(Errno) {
        if group.lists(controller, in: "cgroup.subtree_control") { return }
        // Somebody may enter while we move: a few times.
        for _ in 0..<8 {
            do {
                try group.write("+\(controller)", to: "cgroup.subtree_control")
                if group == own { isSwitchOurs = true }
                return
            } catch  where error.code == EBUSY && group == own {
                try leaf.make()
                try Self.move(own.members(), to: leaf)
            }
        }
        throw Errno(EBUSY, "hand down \(controller) from", group.path)
    }

    private static func move(_ pids: [Int32], to group: CgroupDirectory) throws(Errno) {
        for pid in pids {
            do {
                try group.write("\(pid)", to: "cgroup.procs")
            } catch  where error.code == ESRCH {}
        }
    }

    /// Ends what is left in the workers' groups, moves everybody back and removes what we made. What the kernel refuses
    /// (a group of somebody else's beneath ours still needs the controllers) stays as it is and is found again by the
    /// next start.
    func giveBack() {
        for name in parent.children() where name != Self.leafName {
            let group = parent.child(name)
            group.kill(tasks: group)
            group.remove()
        }
        if isSwitchOurs {
            for group in [parent, own] {
                let switched = group.text("cgroup.subtree_control") ?? ""
                for controller in switched.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                    guard group == parent || Self.ours.contains(controller) else { continue }
                    try? group.write("-\(controller)", to: "cgroup.subtree_control")
                }
            }
        }
        if leaf.exists { try? Self.move(leaf.members(), to: own) }
        parent.remove()
    }

    private static let ours: Set<Substring> = ["memory", "pids", "hugetlb"]
}
