internal import Glibc

/// Tells when a worker's group is refused processes because it has used up its tasks.
///
/// Five hundred processes that fork without pause cannot harm their neighbours' memory, but where no CPU group keeps them
/// apart (a container) they take so much of the processors that the control socket answers after seconds: such a worker
/// is not waited for, it is ended (docs/decisions/0089).
final class TaskLimitNotice {
    /// So many refusals are no spike any more: a program that meets its limit in peace stops trying.
    static let refusalsOfBomb: UInt64 = 64

    /// For a poller, with no readiness asked for.
    let fd: Int32
    private let group: CgroupDirectory
    private let descriptor: Descriptor
    private let atStart: UInt64

    /// nil where the kernel counts none.
    init?(of group: CgroupDirectory) {
        guard let descriptor = try? Descriptor.open("\(group.path)/pids.events", O_RDONLY) else { return nil }
        self.group = group
        fd = descriptor.raw
        self.descriptor = descriptor
        atStart = group.field("max", in: "pids.events") ?? 0
        acknowledge()
    }

    /// Whether it forks against the limit; until then a v2 hierarchy speaks again at the next refusal, at most every 10 ms.
    func isBomb() -> Bool {
        acknowledge()
        let refusals = group.field("max", in: "pids.events") ?? 0
        return refusals >= atStart && refusals - atStart >= Self.refusalsOfBomb
    }

    private func acknowledge() {
        var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let raw = fd
        _ = withUnsafeMutableBytes(of: &bytes) { pread(raw, $0.baseAddress, $0.count, 0) }
    }
}
