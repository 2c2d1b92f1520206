internal import Glibc

/// The ladder of DESIGN section 5: the first rung that works by trying.
///
/// Owned by the supervisor's one thread. All groups lie beneath one parent, `clawhold-<hash8>`, in the group that the
/// supervisor was started in, so that the container's own limit still covers them.
package final class MemoryLadder {
    static let namePrefix = "clawhold-"

    package let rung: MemoryRung
    /// One line for the log: the rung, and what stood in the way of a better one.
    package let explanation: String

    /// The v2 tree, where it limits memory.
    private let claim: UnifiedClaim?
    /// Parents of the workers' groups elsewhere.
    private let limits: CgroupDirectory?
    private let kills: CgroupDirectory?
    private let tasks: CgroupDirectory?
    private let enclosing: EnclosingLimits?
    /// Where the rungs were tried.
    let layout: CgroupLayout
    private var leftovers: [CgroupDirectory] = []

    /// Tries the rungs. Groups that a dead supervisor of the same state directory left are killed and removed: hold the
    /// directory lock first.
    ///
    /// - Parameters:
    ///   - hash: `PathHash.hash8` of the state directory.
    ///   - kept: names of groups (`directoryName`) whose processes live on over an upgrade in place.
    package init(hash: String, layout: CgroupLayout = .current(), keeping kept: Set<String> = []) {
        let name = Self.namePrefix + hash
        self.layout = layout
        let (claim, noV2) = Self.claimUnified(layout, name: name, kept)
        self.claim = claim
        guard claim == nil else {
            (limits, kills, tasks) = (nil, nil, nil)
            enclosing = claim.map { EnclosingLimits(nearest: $0.own, version: .v2) }
            rung = .cgroupV2
            explanation =
                claim?.limitsTasks == true
                ? "memory limits: cgroup v2" : "memory limits: cgroup v2 (the number of tasks is not limited)"
            return
        }
        var obstacle = layout.memoryV1.isEmpty ? noV2 : ""
        limits =
            layout.memoryV1.lazy.compactMap { place -> CgroupDirectory? in
                do {
                    let parent = CgroupDirectory(place).child(name)
                    return try Self.prepare(parent, probing: "memory.limit_in_bytes", value: 64 << 20, kept)
                } catch {
                    obstacle = "\(error)"
                    return nil
                }
            }.first
        kills =
            layout.unified.lazy.compactMap {
                try? Self.prepare(CgroupDirectory($0).child(name), probing: "cgroup.kill", value: nil, kept)
            }.first
        tasks =
            layout.pidsV1.lazy.compactMap {
                try? Self.prepare(
                    CgroupDirectory($0).child(name),
                    probing: "pids.max",
                    value: MemoryGroup.taskLimit,
                    kept
                )
            }.first
        enclosing = Self.enclosing(layout, limits: limits)
        rung = limits == nil ? .processLimit : .cgroupV1
        explanation = Self.explain(limits: limits != nil, kills: kills != nil, obstacle: obstacle)
    }

    private static func claimUnified(
        _ layout: CgroupLayout,
        name: String,
        _ kept: Set<String>
    ) -> (UnifiedClaim?, obstacle: String) {
        var obstacle = "no control groups are mounted"
        for place in layout.unified {
            do {
                return (try UnifiedClaim(own: CgroupDirectory(place), name: name, keeping: kept), "")
            } catch {
                obstacle = "\(error)"
            }
        }
        return (nil, obstacle)
    }

    private static func explain(limits: Bool, kills: Bool, obstacle: String) -> String {
        switch (limits, kills) {
        case (true, true): "memory limits: cgroup v1, killing by cgroup v2"
        case (true, false): "memory limits: cgroup v1 (no cgroup.kill, groups are killed process by process)"
        case (false, _):
            "memory limits: RLIMIT_DATA and sampling, because no memory cgroup is writable (\(obstacle)); "
                + "page tables, sockets and shared memory of a worker are not limited"
        }
    }

    /// The limits that the workers share with us, from the best place to read them.
    private static func enclosing(_ layout: CgroupLayout, limits: CgroupDirectory?) -> EnclosingLimits? {
        if let limits {
            // The parent of our own group.
            let path = limits.path[..<(limits.path.lastIndex(of: "/") ?? limits.path.endIndex)]
            return EnclosingLimits(nearest: CgroupDirectory(String(path)), version: .v1)
        }
        let v1 = layout.memoryV1.map(CgroupDirectory.init).first { $0.has("memory.oom_control") }
        if let v1 { return EnclosingLimits(nearest: v1, version: .v1) }
        let v2 = layout.unified.map(CgroupDirectory.init).first { $0.has("memory.events") }
        return v2.map { EnclosingLimits(nearest: $0, version: .v2) }
    }

    /// Makes a parent group clean and proves that it can limit or kill.
    private static func prepare(
        _ parent: CgroupDirectory,
        probing file: String,
        value: Int64?,
        _ kept: Set<String>
    ) throws(Errno) -> CgroupDirectory {
        for stale in parent.children() where !kept.contains(stale) {
            let group = parent.child(stale)
            group.kill(tasks: group)
            group.remove()
        }
        try parent.make()
        let probe = parent.child("probe")
        try probe.make()
        defer { probe.remove() }
        guard let value else {
            guard probe.has(file) else { throw Errno(ENOENT, "open", "\(probe.path)/\(file)") }
            return parent
        }
        try probe.write("\(value)", to: file)
        guard probe.number(file) == value else { throw Errno(EIO, "read back", "\(probe.path)/\(file)") }
        return parent
    }

    /// Memory of the machine, or the smallest limit around us if that is less. Read anew each time: containers are
    /// resized while they run.
    package var totalBytes: Int64? {
        [ProcessMemory.machineTotal(), enclosing?.totalBytes()].compactMap { $0 }.min()
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
        let places = places(Self.directoryName(worker: worker, incarnation: incarnation))
        do {
            for directory in places.directories { try Self.makeFresh(directory) }
            return try MemoryGroup(places, enclosing: enclosing, hardLimitBytes: hardLimitBytes)
        } catch {
            for directory in places.directories { directory.remove() }
            throw error
        }
    }

    /// The group of an incarnation that lives, made by another image of this supervisor.
    func adoptGroup(worker: String, incarnation: UInt64, _ account: MemoryGroup.Account) -> MemoryGroup {
        let places = places(Self.directoryName(worker: worker, incarnation: incarnation))
        return MemoryGroup(adopting: account, places, enclosing: enclosing)
    }

    private func places(_ name: String) -> MemoryGroup.Places {
        if let claim {
            let group = claim.parent.child(name)
            return MemoryGroup.Places(
                limit: LimitGroup(directory: group, version: .v2),
                kill: group,
                tasks: claim.limitsTasks ? group : nil
            )
        }
        return MemoryGroup.Places(
            limit: limits.map { LimitGroup(directory: $0.child(name), version: .v1) },
            kill: kills?.child(name),
            tasks: tasks?.child(name)
        )
    }

    /// A counter that begins at zero: one that was left over is removed first.
    private static func makeFresh(_ directory: CgroupDirectory) throws(Errno) {
        directory.kill(tasks: directory)
        directory.remove()
        try directory.make()
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
        claim?.giveBack()
        for parent in [kills, limits, tasks].compactMap({ $0 }) {
            for name in parent.children() { parent.child(name).kill(tasks: tasks?.child(name)) }
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
