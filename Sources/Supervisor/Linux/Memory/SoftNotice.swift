internal import CLinux
internal import Glibc

/// Tells without being asked that a group has come to its soft limit.
///
/// v1 has a notice for that. On v2 it is made of `memory.high`, which is taken away as soon as it has spoken: left in
/// place it slows its worker down until that cannot even be drained (docs/decisions/0086). Page cache counts here, so a
/// notice only means that it is time to look.
final class SoftNotice {
    let bytes: Int64
    /// For a poller, with no readiness asked for: what comes is told as an error or as data.
    let fd: Int32
    let readiness: Readiness
    private let group: LimitGroup
    private let descriptor: Descriptor

    /// nil where the kernel does not tell.
    init?(of group: LimitGroup, at bytes: Int64) {
        self.group = group
        self.bytes = bytes
        do {
            switch group.version {
            case .v1:
                let event = Descriptor(owning: try Errno.check(clinux_eventfd(), "eventfd"))
                let usage = try Descriptor.open("\(group.directory.path)/memory.usage_in_bytes", O_RDONLY)
                try group.directory.write("\(event.raw) \(usage.raw) \(bytes)", to: "cgroup.event_control")
                descriptor = event
                readiness = .read
            case .v2:
                guard group.directory.has("memory.high") else { return nil }
                descriptor = try Descriptor.open("\(group.directory.path)/memory.events", O_RDONLY)
                readiness = []
            }
        } catch {
            return nil
        }
        fd = descriptor.raw
    }

    /// Makes it speak at the next crossing. A group that is full of page cache already is left alone: on v2 it would be
    /// emptied by whoever sets the bar, which is us.
    func arm() {
        forget()
        guard group.version == .v2, let used = group.directory.number("memory.current"), used < bytes else { return }
        try? group.directory.write("\(bytes)", to: "memory.high")
    }

    /// It has spoken.
    func disarm() {
        if group.version == .v2 { try? group.directory.write("max", to: "memory.high") }
        forget()
    }

    /// What was told up to here is not told again.
    private func forget() {
        var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let raw = fd
        switch group.version {
        case .v1: _ = withUnsafeMutableBytes(of: &bytes) { read(raw, $0.baseAddress, 8) }
        case .v2: _ = withUnsafeMutableBytes(of: &bytes) { pread(raw, $0.baseAddress, $0.count, 0) }
        }
    }
}
