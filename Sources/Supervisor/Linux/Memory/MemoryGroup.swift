internal import Glibc

/// What a worker uses of its budget.
package struct MemoryUsage: Hashable, Sendable {
    /// Anonymous, shared and kernel memory; no page cache, which the kernel gives back by itself.
    package var usedBytes: Int64
    /// The largest `usedBytes` that was sampled.
    package var peakBytes: Int64
    /// An OOM killer took a process of it since the last sample, and it is not the one that we wait for. v1 kills no
    /// more than one: what is left of the worker is ours to end.
    package var isMaimed = false
    /// It uses more than its hard limit, which nothing but this look enforces.
    package var isOverLimit = false
    /// It has as many processes as it may have, and nothing but this look tells.
    package var isOutOfTasks = false
}

/// The groups of one incarnation of a worker: memory and tasks, measured, limited and killed together.
package final class MemoryGroup {
    /// RLIMIT_DATA never goes below this: a Swift runtime with its threads does not start in less.
    package static let dataLimitFloor: Int64 = 64 << 20
    /// Added to the budget for what RLIMIT_DATA counts and a budget does not (stacks, mapped but untouched memory).
    package static let dataLimitAllowance: Int64 = 32 << 20
    /// Processes and threads of one worker: a fork bomb ends here.
    package static let taskLimit: Int64 = 512

    /// nil: measured but not limited.
    package private(set) var hardLimitBytes: Int64?
    /// Whether the kernel limits the number of tasks.
    package let limitsTasks: Bool

    private let limit: LimitGroup?
    private let kill: CgroupDirectory?
    private let tasks: CgroupDirectory?
    private let enclosing: EnclosingLimits?
    private var entryDescriptors: [Int32] = []
    private var peakBytes: Int64 = 0
    private let notices: LimitNotices?
    private var soft: SoftNotice?
    private let machineKillsAtStart: UInt64?
    /// What it used when the supervisor, where nobody else does, ended it for that.
    private var condemnedAt: Int64?
    /// At the last two samples: what is judged at a death lies between the one before the last and now, so that a sample
    /// taken between the kill and the news of it hides nothing.
    private var marks: [Marks]

    /// Counters of the kernel at one moment; nil where it has none.
    private struct Marks {
        var ownHits: UInt64?
        var ownKills: UInt64?
        var enclosingHits: UInt64?
        var enclosingKills: UInt64?
        var highWater: Int64 = 0
    }

    /// The directories of one group; on v2 all three are the same one.
    struct Places {
        var limit: LimitGroup?
        var kill: CgroupDirectory?
        var tasks: CgroupDirectory?

        var directories: [CgroupDirectory] {
            var all: [CgroupDirectory] = []
            for directory in [limit?.directory, kill, tasks] {
                if let directory, !all.contains(directory) { all.append(directory) }
            }
            return all
        }
    }

    let directories: [CgroupDirectory]

    init(_ places: Places, enclosing: EnclosingLimits?, hardLimitBytes: Int64?) throws(Errno) {
        limit = places.limit
        kill = places.kill
        tasks = places.tasks
        directories = places.directories
        self.enclosing = enclosing
        notices = places.limit?.version == .v1 ? places.limit.flatMap { try? LimitNotices(of: $0.directory) } : nil
        machineKillsAtStart = ProcessMemory.machineOOMKills()
        marks = []
        limitsTasks = tasks.map { (try? $0.write("\(Self.taskLimit)", to: "pids.max")) != nil } ?? false
        limit?.prepare()
        marks = [mark()]
        if let hardLimitBytes { try setHardLimit(hardLimitBytes) }
        for directory in directories { entryDescriptors.append(try directory.openEntry().release()) }
    }

    /// Goes on with a group that exists and has its processes and limits.
    init(adopting account: Account, _ places: Places, enclosing: EnclosingLimits?) {
        limit = places.limit
        kill = places.kill
        tasks = places.tasks
        directories = places.directories
        self.enclosing = enclosing
        notices = account.notices > 2 ? LimitNotices(adopting: account.notices, total: account.noticesTotal) : nil
        hardLimitBytes = account.hardLimitBytes
        peakBytes = account.peakBytes
        limitsTasks = account.limitsTasks
        machineKillsAtStart = account.machineKills
        condemnedAt = account.condemnedAt
        marks = []
        // What happened around us counts from here; what happened in the group, from where it was looked at.
        var mark = mark()
        mark.ownHits = account.ownHits
        mark.ownKills = account.ownKills
        marks = [mark]
    }

    /// What the next image of this supervisor has to know.
    var account: Account {
        Account(
            hardLimitBytes: hardLimitBytes,
            peakBytes: peakBytes,
            limitsTasks: limitsTasks,
            notices: notices?.fd ?? -1,
            noticesTotal: notices?.total ?? 0,
            machineKills: machineKillsAtStart,
            condemnedAt: condemnedAt,
            ownHits: marks.first?.ownHits,
            ownKills: marks.first?.ownKills,
            uid: origin?.uid
        )
    }

    deinit {
        closeEntries()
    }

    /// For `SpawnRequest.memoryEntries`, on loan until `entered`.
    package var entries: [Int32] { entryDescriptors }

    /// The process, for what concerns nothing else on the rung without cgroups; nil before it is in.
    package private(set) var origin: WorkerOrigin?

    /// The process is in: lets the entries go.
    package func entered(_ origin: WorkerOrigin) {
        self.origin = origin
        closeEntries()
    }

    /// Lets the entries go unused.
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

    /// For `SpawnRequest.taskLimit` of a foreign program: set only where no cgroup limits.
    ///
    /// RLIMIT_NPROC counts all tasks of a user. With a user of its own that is the worker; else what this user runs now
    /// comes on top. Only starts of that worker are refused: the others, started without such a limit, go on.
    ///
    /// - Parameter hasOwnUser: no other worker runs as the same user.
    package func taskLimit(hasOwnUser: Bool) -> Int64? {
        if limitsTasks { return nil }
        return Self.taskLimit + (hasOwnUser ? 0 : ProcessFacts.taskCount(of: geteuid()))
    }

    /// Sets or moves the limit, of a living worker too.
    ///
    /// - Throws: EBUSY when it uses more than that already: nobody is killed by a lower limit. On the rung without cgroups
    ///   EPERM when the kernel refuses it for a living process (another user's, without CAP_SYS_RESOURCE); then, too, the
    ///   new limit holds from the next start.
    package func setHardLimit(_ bytes: Int64) throws(Errno) {
        let bytes = max(bytes, LimitGroup.smallest)
        if let limit {
            try limit.set(bytes)
            hardLimitBytes = bytes
            return
        }
        hardLimitBytes = bytes
        guard let origin, let dataLimitBytes else { return }
        try ProcessMemory.setDataLimit(of: origin.pid, dataLimitBytes)
    }

    /// Usage now, nil when the process is gone.
    ///
    /// - Parameter pid: the worker's process, for the rung without cgroups.
    package func usage(pid: Int32) -> MemoryUsage? {
        let used: Int64
        if let limit {
            guard let bytes = limit.usedBytes() else { return nil }
            used = bytes
        } else {
            let isForeign = origin?.isForeign ?? false
            let bytes = isForeign ? ProcessMemory.budgeted(ofTree: pid) : ProcessMemory.budgeted(of: pid)
            guard let bytes else { return nil }
            used = bytes
        }
        let before = marks.last?.ownKills
        marks = marks.suffix(1) + [mark()]
        // Begun anew, so that it tells of the time since this sample.
        if let limit, limit.version == .v1, notices == nil {
            try? limit.directory.write("0", to: "memory.max_usage_in_bytes")
        }
        peakBytes = max(peakBytes, used)
        var usage = MemoryUsage(usedBytes: used, peakBytes: peakBytes)
        if let before, let after = marks.last?.ownKills, after > before { usage.isMaimed = true }
        if limit == nil, let hardLimitBytes, used > hardLimitBytes { usage.isOverLimit = true }
        if !limitsTasks, origin?.isForeign == true {
            // Those that it shares its user with may leave it less than the full number.
            usage.isOutOfTasks = Descendants.count(beneath: pid, limit: Self.taskLimit) >= Self.taskLimit / 8 * 7
        }
        return usage
    }

    private func mark() -> Marks {
        Marks(
            ownHits: ownHits(),
            ownKills: limit?.kills(),
            enclosingHits: enclosing?.hits(),
            enclosingKills: enclosing?.unexplainedKills(),
            highWater: limit?.directory.number("memory.max_usage_in_bytes") ?? 0
        )
    }

    /// Asks the kernel to tell when the group comes to `bytes`; nil where it does not. Poll its descriptor until it has
    /// spoken, then `disarm` it.
    func softNotice(at bytes: Int64) -> SoftNotice? {
        guard let limit, bytes > 0 else { return nil }
        if soft?.bytes != bytes { soft = SoftNotice(of: limit, at: bytes) }
        return soft
    }

    /// Asks the kernel to tell when the group has used up its tasks; nil where it does not.
    func taskLimitNotice() -> TaskLimitNotice? {
        limitsTasks ? tasks.flatMap { TaskLimitNotice(of: $0) } : nil
    }

    /// Remembers that the supervisor is about to kill it for using this much: on the rung without cgroups the kernel
    /// does not.
    package func condemn(usedBytes: Int64) {
        condemnedAt = usedBytes
    }

    /// The largest usage that was sampled.
    package var sampledPeakBytes: Int64 { peakBytes }

    /// Kills everything of the worker, processes with sessions of their own included.
    ///
    /// Without a cgroup only the leader's process group can be reached; `ProcessSignal` and `Descendants` do that.
    package func killAll() {
        (kill ?? limit?.directory ?? tasks)?.kill(tasks: tasks)
    }

    /// Whether `killAll` reaches everything that the worker ever started.
    package var holdsAll: Bool { !directories.isEmpty }

    /// The pids in the group; empty without a cgroup.
    package var members: [Int32] { (limit?.directory ?? kill ?? tasks)?.members() ?? [] }

    /// What the kernel's counters say at a death. Read before `MemoryLadder.dispose`.
    ///
    /// Only what they counted since the sample before the last speaks of this death: an OOM kill of an hour ago was
    /// another process's.
    ///
    /// - Parameter exit: how it ended; a SIGKILL uses up one OOM kill of a group that it shares with others.
    package func evidence(exit: ExitFacts? = nil) -> MemoryEvidence {
        var evidence = MemoryEvidence()
        let since = marks.first ?? Marks()
        evidence.hardLimitBytes = hardLimitBytes
        evidence.sampledPeakBytes = peakBytes
        evidence.condemnedAtBytes = condemnedAt
        evidence.groupKills = Self.delta(limit?.kills(), since.ownKills)
        evidence.containerKills = Self.delta(enclosing?.unexplainedKills(), since.enclosingKills)
        evidence.machineKills = Self.delta(ProcessMemory.machineOOMKills(), machineKillsAtStart)
        evidence.exhausted = exhausted(since)
        if limit == nil, exit?.signal == SIGKILL, condemnedAt == nil, let kills = evidence.containerKills, kills > 0 {
            enclosing?.explainKill()
        }
        return evidence
    }

    /// How often the worker's own limit was hit, in the kernel's words; nil where it has none.
    private func ownHits() -> UInt64? {
        guard let limit else { return nil }
        return limit.version == .v1 ? notices?.count() : LimitGroup.hits(of: limit.directory)
    }

    /// Whose limit was hit, by the kernel's notices and counters, or by the high-water marks where there are none; what
    /// the marks leave open stays open.
    private func exhausted(_ since: Marks) -> MemoryEvidence.Limit? {
        let own = Self.delta(ownHits(), since.ownHits).map { $0 > 0 }
        let around = Self.delta(enclosing?.hits(), since.enclosingHits).map { $0 > 0 }
        guard let limit, let hardLimitBytes else {
            return around ?? enclosing?.isFull ?? false ? .container : nil
        }
        // v1 tells the groups beneath a limit as well, v2 only the one whose limit it was.
        if limit.version == .v2, let own { return own ? .own : around == true ? .container : nil }
        if let own, let around { return around ? .container : own ? .own : nil }
        let now = limit.directory.number("memory.max_usage_in_bytes") ?? 0
        let highest = marks.map(\.highWater).max().map { max($0, now) } ?? now
        let ownIsFull = highest >= hardLimitBytes - EnclosingLimits.nearLimit
        let containerIsFull = enclosing?.isFull ?? false
        if ownIsFull && containerIsFull { return nil }
        return ownIsFull ? .own : containerIsFull ? .container : nil
    }

    private static func delta(_ now: UInt64?, _ before: UInt64?) -> UInt64? {
        guard let now, let before else { return nil }
        return now >= before ? now - before : 0
    }
}
