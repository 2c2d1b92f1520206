internal import Glibc

/// What a worker uses of its budget.
package struct MemoryUsage: Hashable, Sendable {
    /// Anonymous, shared and kernel memory; no page cache, which the kernel gives back by itself.
    package var usedBytes: Int64
    /// The largest `usedBytes` that was sampled.
    package var peakBytes: Int64
}

/// The memory group of one incarnation of a worker.
package final class MemoryGroup {
    /// RLIMIT_DATA never goes below this: a Swift runtime with its threads does not start in less.
    package static let dataLimitFloor: Int64 = 64 << 20
    /// Added to the budget for what RLIMIT_DATA counts and a budget does not (stacks, mapped but untouched memory).
    package static let dataLimitAllowance: Int64 = 32 << 20
    /// Charges come in batches per processor: a peak this near to the limit has hit it.
    static let nearLimit: Int64 = 1 << 20

    /// nil: measured but not limited.
    package private(set) var hardLimitBytes: Int64?

    private let limit: CgroupDirectory?
    private let kill: CgroupDirectory?
    private let container: CgroupDirectory?
    private var entryDescriptors: [Int32] = []
    private var peakBytes: Int64 = 0
    private let notices: LimitNotices?
    private let containerNotices: LimitNotices?
    private let killsAtStart: Kills
    /// At the last two samples: what is judged at a death lies between the one before the last and now, so that a sample
    /// taken between the kill and the news of it hides nothing.
    private var marks: [Marks]

    private struct Kills {
        var group: UInt64?
        var container: UInt64?
        var machine: UInt64?
    }

    private struct Marks {
        var own: UInt64
        var container: UInt64
        var highWater: Int64
    }

    var directories: [CgroupDirectory] { [limit, kill].compactMap { $0 } }

    init(
        limit: CgroupDirectory?,
        kill: CgroupDirectory?,
        container: CgroupDirectory?,
        containerNotices: LimitNotices?,
        hardLimitBytes: Int64?
    ) throws(Errno) {
        self.limit = limit
        self.kill = kill
        self.container = container
        self.containerNotices = containerNotices
        notices = limit.flatMap { try? LimitNotices(of: $0) }
        marks = [Marks(own: 0, container: containerNotices?.count() ?? 0, highWater: 0)]
        killsAtStart = Kills(
            group: limit.flatMap(Self.kills),
            container: container.flatMap(Self.kills),
            machine: ProcessMemory.machineOOMKills()
        )
        if let hardLimitBytes { try setHardLimit(hardLimitBytes) }
        for directory in directories { entryDescriptors.append(try directory.openEntry().release()) }
    }

    deinit {
        closeEntries()
    }

    /// Open `cgroup.procs` files for `SpawnRequest.memoryEntries`, on loan until `closeEntries`.
    package var entries: [Int32] { entryDescriptors }

    /// Lets the entries go once the process is in.
    package func closeEntries() {
        for fd in entryDescriptors { _ = close(fd) }
        entryDescriptors = []
    }

    /// For `SpawnRequest.dataLimitBytes`: set only where no cgroup limits.
    package var dataLimitBytes: Int64? {
        guard limit == nil, let hardLimitBytes else { return nil }
        let (sum, overflow) = hardLimitBytes.addingReportingOverflow(Self.dataLimitAllowance)
        return overflow ? nil : max(sum, Self.dataLimitFloor)
    }

    /// Sets or moves the limit. Without a cgroup it holds from the next start.
    package func setHardLimit(_ bytes: Int64) throws(Errno) {
        let bytes = max(bytes, 1 << 20)
        hardLimitBytes = bytes
        guard let limit else { return }
        // Swap would only make the end slow. The two limits may never cross, so the order depends on the direction.
        let swap = "memory.memsw.limit_in_bytes"
        if !limit.has(swap) { return try limit.write("\(bytes)", to: "memory.limit_in_bytes") }
        do {
            try limit.write("\(bytes)", to: "memory.limit_in_bytes")
            try limit.write("\(bytes)", to: swap)
        } catch  where error.code == EINVAL {
            try limit.write("\(bytes)", to: swap)
            try limit.write("\(bytes)", to: "memory.limit_in_bytes")
        }
    }

    /// Usage now, nil when the process is gone.
    ///
    /// - Parameter pid: the worker's process, for the rung without cgroups.
    package func usage(pid: Int32) -> MemoryUsage? {
        let used: Int64
        if let limit {
            guard let text = limit.text("memory.stat") else { return nil }
            let anonymous = SystemFile.field("total_rss", of: text) ?? SystemFile.field("rss", of: text) ?? 0
            let shared = SystemFile.field("total_shmem", of: text) ?? 0
            let swapped = SystemFile.field("total_swap", of: text) ?? 0
            used = anonymous + shared + swapped + (limit.number("memory.kmem.usage_in_bytes") ?? 0)
            let mark = Marks(
                own: notices?.count() ?? 0,
                container: containerNotices?.count() ?? 0,
                highWater: limit.number("memory.max_usage_in_bytes") ?? 0
            )
            marks = marks.suffix(1) + [mark]
            // Begun anew, so that it tells of the time since this sample.
            if notices == nil { try? limit.write("0", to: "memory.max_usage_in_bytes") }
        } else {
            guard let sample = ProcessMemory.resident(of: pid) else { return nil }
            used = sample.anonymousBytes
        }
        peakBytes = max(peakBytes, used)
        return MemoryUsage(usedBytes: used, peakBytes: peakBytes)
    }

    /// The largest usage that was sampled.
    package var sampledPeakBytes: Int64 { peakBytes }

    /// Kills everything of the worker, processes with sessions of their own included.
    ///
    /// Without a cgroup only the leader's process group can be reached; `ProcessSignal` does that.
    package func killAll() {
        if let kill {
            kill.kill()
        } else {
            limit?.kill()
        }
    }

    /// The pids in the group; empty without a cgroup.
    package var members: [Int32] { (limit ?? kill)?.members() ?? [] }

    /// What the kernel's counters say at a death. Read before `MemoryLadder.dispose`.
    package func evidence() -> MemoryEvidence {
        var evidence = MemoryEvidence()
        evidence.hardLimitBytes = hardLimitBytes
        evidence.sampledPeakBytes = peakBytes
        if let limit {
            evidence.groupKills = Self.delta(Self.kills(limit), killsAtStart.group)
        }
        evidence.containerKills = container.flatMap { Self.delta(Self.kills($0), killsAtStart.container) }
        evidence.machineKills = Self.delta(ProcessMemory.machineOOMKills(), killsAtStart.machine)
        evidence.exhausted = exhausted()
        return evidence
    }

    /// Whose limit was hit, by the kernel's notices, or by the high-water marks where there are none; what the marks
    /// leave open stays open.
    private func exhausted() -> MemoryEvidence.Limit? {
        let since = marks.first ?? Marks(own: 0, container: 0, highWater: 0)
        if let notices, let containerNotices {
            if containerNotices.count() > since.container { return .container }
            return notices.count() > since.own ? .own : nil
        }
        let containerIsFull = container.map(Self.isFull) ?? false
        guard let limit, let hardLimitBytes else { return containerIsFull ? .container : nil }
        let highest = (marks.map(\.highWater) + [limit.number("memory.max_usage_in_bytes") ?? 0]).max() ?? 0
        let ownIsFull = highest >= hardLimitBytes - Self.nearLimit
        if ownIsFull && containerIsFull { return nil }
        return ownIsFull ? .own : containerIsFull ? .container : nil
    }

    /// OOM kills of processes that were in this group.
    private static func kills(_ directory: CgroupDirectory) -> UInt64? {
        for file in ["memory.events.local", "memory.oom_control", "memory.events"] {
            if let text = directory.text(file), let count = SystemFile.field("oom_kill", of: text) {
                return UInt64(clamping: count)
            }
        }
        return nil
    }

    private static func delta(_ now: UInt64?, _ before: UInt64?) -> UInt64? {
        guard let now, let before else { return nil }
        return now >= before ? now - before : 0
    }

    private static func isFull(_ directory: CgroupDirectory) -> Bool {
        guard let limit = directory.number("memory.limit_in_bytes") ?? directory.number("memory.max"),
            let mark = directory.number("memory.max_usage_in_bytes") ?? directory.number("memory.peak")
        else { return false }
        return mark >= limit - nearLimit
    }
}
