internal import CLinux
internal import Glibc

/// What /proc tells about a process.
package enum ProcessFacts {
    /// The fields of /proc/PID/stat that we use.
    package struct Stat: Hashable, Sendable {
        package var parent: Int32
        package var session: Int32
        package var state: Character
        /// Clock ticks since boot: with the pid it names one process for ever.
        package var startTime: UInt64
    }

    package static func stat(of pid: Int32) -> Stat? {
        guard let text = try? SystemFile.text("/proc/\(pid)/stat", limit: 4096) else { return nil }
        return parseStat(text)
    }

    /// The name in parentheses is the process's own to choose, with blanks and parentheses in it: only what follows the
    /// last `)` counts.
    package static func parseStat(_ text: String) -> Stat? {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count >= 20, let state = fields[0].first, let parent = Int32(fields[1]),
            let session = Int32(fields[3]), let start = UInt64(fields[19].prefix { $0.isNumber })
        else { return nil }
        return Stat(parent: parent, session: session, state: state, startTime: start)
    }

    /// The command line in one line, at most 200 characters, for a person to read; empty for a zombie.
    package static func commandLine(of pid: Int32) -> String {
        guard let bytes = try? SystemFile.bytes("/proc/\(pid)/cmdline", limit: 4096) else { return "" }
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return String(words.joined(separator: " ").prefix(200))
    }

    /// Processes and threads of a user that are visible.
    static func taskCount(of uid: UInt32) -> Int64 {
        all().reduce(0) { sum, pid in
            var facts = Glibc.stat()
            guard lstat("/proc/\(pid)/task", &facts) == 0, facts.st_uid == uid else { return sum }
            // One link for each thread beside the two of every directory.
            return sum + max(1, Int64(clamping: facts.st_nlink) - 2)
        }
    }

    /// All processes that are visible.
    package static func all() -> [Int32] {
        SystemFile.names(in: "/proc").compactMap { Int32($0) }
    }

    /// Whether `pid` is one of `ancestors` or descends from one.
    ///
    /// The walk ends at a process that is gone or at init: an orphan that a subreaper adopted is then a child of the
    /// supervisor, so callers give the adopted ones' groups the memory group's kill, not this check. `unknown` says what
    /// to answer when /proc shows nothing of the pid: for a permission check that has to be true.
    package static func descends(
        _ pid: Int32,
        from ancestors: Set<Int32>,
        unknown: Bool = true,
        stat: (Int32) -> Stat? = { stat(of: $0) }
    ) -> Bool {
        // What the kernel says of a peer in another pid namespace.
        if pid <= 0 { return unknown }
        var current = pid
        // Deeper trees do not exist within pid_max; a parent that changes under the walk cannot make it endless.
        for _ in 0..<4096 {
            if ancestors.contains(current) { return true }
            if current <= 1 { return false }
            guard let facts = stat(current) else { return unknown }
            // The shim gave every worker a session: an orphan keeps it unless it left on purpose.
            if ancestors.contains(facts.session) { return true }
            current = facts.parent
        }
        return unknown
    }
}

/// Memory of processes, from /proc.
package enum ProcessMemory {
    package struct Resident: Hashable, Sendable {
        package var residentBytes: Int64
        /// Not backed by files: what a budget counts.
        package var anonymousBytes: Int64
    }

    /// From /proc/PID/statm: two numbers and no page-table walk, fit for sampling.
    package static func resident(of pid: Int32) -> Resident? {
        guard let text = try? SystemFile.text("/proc/\(pid)/statm", limit: 256) else { return nil }
        let fields = text.split(separator: " ").prefix(3).compactMap { Int64($0) }
        guard fields.count == 3 else { return nil }
        let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
        let resident = fields[1].multipliedReportingOverflow(by: page).partialValue
        let shared = fields[2].multipliedReportingOverflow(by: page).partialValue
        return Resident(residentBytes: resident, anonymousBytes: max(resident - shared, 0))
    }

    /// What a budget counts of one process: anonymous and shared memory, swap and page tables, no files. From
    /// /proc/PID/status, where unlike in statm shared memory is told apart from files.
    package static func budgeted(of pid: Int32) -> Int64? {
        guard let text = try? SystemFile.text("/proc/\(pid)/status", limit: 8192), text.contains("VmRSS:") else {
            return nil
        }
        var kilobytes: Int64 = 0
        for name in ["RssAnon", "RssShmem", "VmSwap", "VmPTE"] {
            let part = max(SystemFile.field(name, of: text) ?? 0, 0)
            kilobytes = kilobytes.addingReportingOverflow(part).partialValue
        }
        return kilobytes.multipliedReportingOverflow(by: 1024).partialValue
    }

    /// The same of a process and of what it started and still waits for; nil when the process itself is gone.
    ///
    /// Memory that several of them share is counted in each: rather too much than too little.
    package static func budgeted(ofTree root: Int32) -> Int64? {
        guard var sum = budgeted(of: root) else { return nil }
        var next = Descendants.children(of: root) ?? []
        // A fork bomb must not keep us reading.
        var seen = 0
        while let pid = next.popLast(), seen < 64 {
            seen += 1
            sum = sum.addingReportingOverflow(budgeted(of: pid) ?? 0).partialValue
            next += Descendants.children(of: pid) ?? []
        }
        return sum
    }

    /// Moves RLIMIT_DATA of a living process.
    ///
    /// - Throws: EBUSY when it has more than that already: its next allocation would be refused. EPERM when it is another
    ///   user's and we lack CAP_SYS_RESOURCE.
    package static func setDataLimit(of pid: Int32, _ bytes: Int64) throws(Errno) {
        if let text = try? SystemFile.text("/proc/\(pid)/status", limit: 8192),
            let used = SystemFile.field("VmData", of: text), used > bytes / 1024
        {
            throw Errno(EBUSY, "lower RLIMIT_DATA below what is used", "pid \(pid)")
        }
        try Errno.check(clinux_set_data_limit(pid, bytes), "prlimit", "pid \(pid)")
    }

    /// Proportional set size from smaps_rollup: its own memory and its share of what it shares. Walks the page tables,
    /// milliseconds for a large process: not for frequent sampling.
    package static func proportional(of pid: Int32) -> Int64? {
        guard let text = try? SystemFile.text("/proc/\(pid)/smaps_rollup", limit: 8192) else { return nil }
        return SystemFile.field("Pss", of: text)?.multipliedReportingOverflow(by: 1024).partialValue
    }

    /// PSS of this process.
    package static func own() -> Int64? {
        proportional(of: getpid()) ?? resident(of: getpid())?.residentBytes
    }

    /// Memory of the machine in bytes, from /proc/meminfo.
    package static func machineTotal() -> Int64? {
        guard let text = try? SystemFile.text("/proc/meminfo", limit: 8192) else { return nil }
        return SystemFile.field("MemTotal", of: text)?.multipliedReportingOverflow(by: 1024).partialValue
    }

    /// OOM kills of the whole machine since boot, or nil.
    package static func machineOOMKills() -> UInt64? {
        guard let text = try? SystemFile.text("/proc/vmstat", limit: 64 * 1024) else { return nil }
        return SystemFile.field("oom_kill", of: text).map { UInt64(clamping: $0) }
    }
}
