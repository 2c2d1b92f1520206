internal import Glibc

/// How memory budgets are enforced here.
package enum MemoryRung: String, Hashable, Sendable, CaseIterable {
    /// The limit is a v1 memory group; killing all of a worker goes through the v2 tree where there is one.
    case cgroupV1 = "cgroup v1"
    /// No writable cgroup: RLIMIT_DATA, and sampling by the supervisor.
    case processLimit = "rlimit"
}

/// The ladder of DESIGN section 5: the first rung that works by trying.
///
/// Owned by the supervisor's one thread. All groups lie beneath one parent, `clawhold-<hash8>`, in the group that the
/// supervisor was started in, so that the container's own limit still covers them.
package final class MemoryLadder {
    package let rung: MemoryRung
    /// One line for the log: the rung, and what stood in the way of a better one.
    package let explanation: String
    /// Limit of the container or machine around us, in bytes.
    package let totalBytes: Int64?

    /// Parents of the workers' groups.
    private let limits: CgroupDirectory?
    private let kills: CgroupDirectory?
    private let container: CgroupDirectory?
    private let containerNotices: LimitNotices?
    private var leftovers: [CgroupDirectory] = []

    /// Tries the rungs. Groups that a dead supervisor of the same state directory left are killed and removed: hold the
    /// directory lock first.
    ///
    /// - Parameter hash: `PathHash.hash8` of the state directory.
    package init(hash: String, layout: CgroupLayout = .current()) {
        let name = "clawhold-\(hash)"
        var obstacle = "no cgroup v1 memory controller is mounted"
        var found: (limits: CgroupDirectory, container: CgroupDirectory)?
        for candidate in layout.memoryV1 where found == nil {
            let container = CgroupDirectory(candidate)
            do {
                found = (try Self.prepare(container.child(name), probing: "memory.limit_in_bytes"), container)
            } catch {
                obstacle = "\(error)"
            }
        }
        kills =
            layout.unified.lazy.compactMap { candidate in
                try? Self.prepare(CgroupDirectory(candidate).child(name), probing: "cgroup.kill")
            }.first
        limits = found?.limits
        container =
            found?.container
            ?? (layout.memoryV1 + layout.unified).lazy.map(CgroupDirectory.init).first {
                $0.has("memory.oom_control") || $0.has("memory.events")
            }
        containerNotices = found.flatMap { try? LimitNotices(of: $0.container) }
        totalBytes = Self.total(around: container)
        if found != nil {
            rung = .cgroupV1
            explanation =
                kills == nil
                ? "memory limits: cgroup v1 (no cgroup.kill, groups are killed process by process)"
                : "memory limits: cgroup v1, killing by cgroup v2"
        } else {
            rung = .processLimit
            explanation =
                "memory limits: RLIMIT_DATA and sampling, because no memory cgroup is writable (\(obstacle)); "
                + "page tables, sockets and shared memory of a worker are not limited"
        }
    }

    /// Makes the parent group clean and proves that it can limit or kill.
    private static func prepare(_ parent: CgroupDirectory, probing file: String) throws(Errno) -> CgroupDirectory {
        for stale in parent.children() {
            let group = parent.child(stale)
            group.kill()
            group.remove()
        }
        try parent.make()
        let probe = parent.child("probe")
        try probe.make()
        defer { probe.remove() }
        switch file {
        case "cgroup.kill":
            guard probe.has(file) else { throw Errno(ENOENT, "open", "\(probe.path)/\(file)") }
        default:
            let wanted: Int64 = 64 << 20
            try probe.write("\(wanted)", to: file)
            guard probe.number(file) == wanted else { throw Errno(EIO, "read back", "\(probe.path)/\(file)") }
        }
        return parent
    }

    /// The smallest limit around us, the machine's memory included.
    private static func total(around container: CgroupDirectory?) -> Int64? {
        var smallest = ProcessMemory.machineTotal()
        guard let container else { return smallest }
        let hierarchical = container.text("memory.stat").flatMap {
            SystemFile.field("hierarchical_memory_limit", of: $0)
        }
        for limit in [container.number("memory.max"), hierarchical] {
            if let limit, limit > 0 { smallest = min(smallest ?? limit, limit) }
        }
        return smallest
    }

    /// A group for one incarnation; on the lowest rung it only carries the limits for the shim.
    ///
    /// - Parameters:
    ///   - worker: its id; characters that a directory name should not have are replaced.
    ///   - hardLimitBytes: nil: measured but not limited.
    package func makeGroup(
        worker: String,
        incarnation: UInt64,
        hardLimitBytes: Int64?
    ) throws(Errno) -> MemoryGroup {
        removeLeftovers()
        let name = Self.directoryName(worker: worker, incarnation: incarnation)
        var group: CgroupDirectory?
        var killGroup: CgroupDirectory?
        do {
            if let limits {
                group = try Self.fresh(limits.child(name))
            }
            if let kills { killGroup = try Self.fresh(kills.child(name)) }
            return try MemoryGroup(
                limit: group,
                kill: killGroup,
                container: container,
                containerNotices: containerNotices,
                hardLimitBytes: hardLimitBytes
            )
        } catch {
            group?.remove()
            killGroup?.remove()
            throw error
        }
    }

    /// A counter that begins at zero: one that was left over is removed first.
    private static func fresh(_ directory: CgroupDirectory) throws(Errno) -> CgroupDirectory {
        directory.kill()
        directory.remove()
        try directory.make()
        return directory
    }

    /// Ends a group whose processes are dead; what the kernel still holds is tried again at the next occasion.
    package func dispose(_ group: MemoryGroup) {
        group.closeEntries()
        group.killAll()
        leftovers += group.directories.filter { !$0.remove() }
    }

    /// Tries again to remove groups whose zombies were not reaped yet. True when none is left.
    @discardableResult
    package func removeLeftovers() -> Bool {
        leftovers = leftovers.filter { !$0.remove() }
        return leftovers.isEmpty
    }

    /// Removes everything of ours; for the supervisor's own end.
    package func shutDown() {
        removeLeftovers()
        for parent in [limits, kills].compactMap({ $0 }) {
            for name in parent.children() { parent.child(name).kill() }
            parent.remove()
        }
    }

    /// `channel:telegram:default`, 3 → `channel_telegram_default.3`.
    static func directoryName(worker: String, incarnation: UInt64) -> String {
        let safe = worker.utf8.prefix(128).map { byte -> Character in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                Character(UnicodeScalar(byte))
            default: "_"
            }
        }
        return "\(String(safe)).\(incarnation)"
    }
}
