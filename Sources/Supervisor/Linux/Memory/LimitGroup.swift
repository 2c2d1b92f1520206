internal import Glibc

/// A group that limits the memory of one worker: the same questions to the files of both versions.
struct LimitGroup {
    enum Version: Sendable {
        case v1
        case v2
    }

    /// Smaller than this no limit is set: a process could not even be executed, and would be told so by nobody.
    static let smallest: Int64 = 1 << 20

    let directory: CgroupDirectory
    let version: Version

    /// What a new group needs besides its limit. Swap would only make the end slow; a worker is killed as a whole, since
    /// half a worker answers nobody. Both are missing on some kernels, and worth no failure.
    func prepare() {
        guard version == .v2 else { return }
        try? directory.write("0", to: "memory.swap.max")
        try? directory.write("1", to: "memory.oom.group")
    }

    /// Sets or moves the limit.
    ///
    /// - Throws: EBUSY when more than that is used already: v1 refuses it by itself, v2 would kill.
    func set(_ bytes: Int64) throws(Errno) {
        let bytes = max(bytes, Self.smallest)
        switch version {
        case .v2:
            if let used = usedBytes(), used > bytes {
                throw Errno(EBUSY, "lower memory.max below what is used", directory.path)
            }
            try directory.write("\(bytes)", to: "memory.max")
        case .v1: try setV1(bytes)
        }
    }

    private func setV1(_ bytes: Int64) throws(Errno) {
        let swap = "memory.memsw.limit_in_bytes"
        let memory = "memory.limit_in_bytes"
        if !directory.has(swap) { return try directory.write("\(bytes)", to: memory) }
        // The two limits may never cross, so the order depends on the direction.
        do {
            try directory.write("\(bytes)", to: memory)
            try directory.write("\(bytes)", to: swap)
        } catch  where error.code == EINVAL {
            try directory.write("\(bytes)", to: swap)
            try directory.write("\(bytes)", to: memory)
        }
    }

    /// Anonymous, shared and kernel memory; nil when the group is gone. What the kernel gives back by itself (page cache,
    /// inodes and names of files) is left out where it can be told apart.
    func usedBytes() -> Int64? {
        guard let text = directory.text("memory.stat") else { return nil }
        func field(_ name: String) -> Int64? { SystemFile.field(name, of: text).map { max($0, 0) } }
        switch version {
        case .v1:
            let anonymous = field("total_rss") ?? field("rss") ?? 0
            let kernel = directory.number("memory.kmem.usage_in_bytes") ?? 0
            return Self.sum([anonymous, field("total_shmem") ?? 0, field("total_swap") ?? 0, kernel])
        case .v2:
            // `kernel` since 5.18; before, its parts.
            let parts = ["kernel_stack", "pagetables", "percpu", "slab"].map { field($0) ?? 0 }
            let kernel = (field("kernel") ?? Self.sum(parts)) - (field("slab_reclaimable") ?? 0)
            let swapped = directory.number("memory.swap.current") ?? 0
            return Self.sum([field("anon") ?? 0, field("shmem") ?? 0, field("sock") ?? 0, max(kernel, 0), swapped])
        }
    }

    private static func sum(_ numbers: [Int64]) -> Int64 {
        numbers.reduce(0) { sum, number in
            let (result, overflow) = sum.addingReportingOverflow(number)
            return overflow ? .max : result
        }
    }

    /// Processes of this group that an OOM killer took, for whatever limit.
    func kills() -> UInt64? { Self.kills(in: directory) }

    static func kills(in directory: CgroupDirectory) -> UInt64? {
        for file in ["memory.events.local", "memory.oom_control", "memory.events"] {
            if let count = directory.field("oom_kill", in: file) { return count }
        }
        return nil
    }

    /// How often v2 found this very limit hit with nothing left to give back; nil on v1, which has no such counter.
    static func hits(of directory: CgroupDirectory) -> UInt64? {
        directory.field("oom", in: "memory.events.local") ?? directory.field("oom", in: "memory.events")
    }
}
