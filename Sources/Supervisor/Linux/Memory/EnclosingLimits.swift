internal import Glibc

/// The groups around us, whose limits the workers share with us and with others: unit, slice, container.
final class EnclosingLimits {
    /// Charges come in batches per processor: a peak this near to the limit has hit it.
    static let nearLimit: Int64 = 1 << 20

    /// Nearest first, up to the mount.
    private let directories: [CgroupDirectory]
    /// v1 only: tells of every limit from the nearest group up.
    private let notices: LimitNotices?
    private var explained: UInt64 = 0

    /// - Parameter nearest: the group that the supervisor was started in.
    init(nearest: CgroupDirectory, version: LimitGroup.Version) {
        notices = version == .v1 ? try? LimitNotices(of: nearest) : nil
        var found: [CgroupDirectory] = []
        var path = Substring(nearest.path)
        // A real root has no memory.events; what is above a namespace cannot be seen at all.
        while found.count < 32, !path.isEmpty {
            let directory = CgroupDirectory(String(path))
            guard directory.has("memory.events") || directory.has("memory.oom_control") else { break }
            found.append(directory)
            guard let slash = path.lastIndex(of: "/") else { break }
            path = path[..<slash]
        }
        directories = found
    }

    /// How often one of these limits was hit, by the kernel's own word; nil where it says nothing.
    func hits() -> UInt64? {
        if let notices { return notices.count() }
        let counts = directories.compactMap { $0.field("oom", in: "memory.events.local") }
        return counts.isEmpty ? nil : counts.reduce(0, &+)
    }

    /// OOM kills in the group that the supervisor was started in; the workers' are included only where they have no
    /// groups of their own.
    func unexplainedKills() -> UInt64? {
        directories.first.flatMap(LimitGroup.kills).map { $0 >= explained ? $0 - explained : 0 }
    }

    /// One of these kills was of a worker that has been buried: the next death is another matter.
    func explainKill() { explained += 1 }

    /// Whether the nearest limit was ever reached, page cache included.
    var isFull: Bool {
        guard let nearest = directories.first,
            let limit = nearest.number("memory.limit_in_bytes") ?? nearest.number("memory.max"),
            let mark = nearest.number("memory.max_usage_in_bytes") ?? nearest.number("memory.peak")
        else { return false }
        return mark >= limit - Self.nearLimit
    }

    /// The smallest of these limits, those above a v1 namespace included; nil without one.
    func totalBytes() -> Int64? {
        var limits = directories.compactMap { $0.number("memory.max") }
        if let text = directories.first?.text("memory.stat"),
            let hierarchical = SystemFile.field("hierarchical_memory_limit", of: text)
        {
            limits.append(hierarchical)
        }
        return limits.filter { $0 > 0 }.min()
    }
}
