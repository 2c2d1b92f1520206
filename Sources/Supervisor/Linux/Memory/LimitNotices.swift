internal import CLinux
internal import Glibc

/// Counts how often the kernel found a v1 memory group at its limit with nothing left to give back.
///
/// The kernel tells the group whose limit it was and everything beneath it, never what is above. So a notice here and
/// none around us means that the limit was our own: which neither the kill counter (it moves for any OOM killer) nor the
/// high-water mark (page cache reaches it in peace) can tell. It arrives milliseconds before the exit does.
final class LimitNotices {
    private let event: Descriptor
    private(set) var total: UInt64 = 0
    /// The eventfd, on loan.
    var fd: Int32 { event.raw }

    /// - Throws: when the kernel has no cgroup.event_control (it is announced to go).
    init(of group: CgroupDirectory) throws(Errno) {
        event = Descriptor(owning: try Errno.check(clinux_eventfd(), "eventfd"))
        let source = try Descriptor.open("\(group.path)/memory.oom_control", O_RDONLY)
        try group.write("\(event.raw) \(source.raw)", to: "cgroup.event_control")
    }

    /// Goes on with an eventfd that is registered already.
    init(adopting fd: Int32, total: UInt64) {
        event = Descriptor(owning: fd)
        self.total = total
    }

    /// All so far.
    func count() -> UInt64 {
        var new: UInt64 = 0
        let got = try? withUnsafeMutableBytes(of: &new) { bytes throws(Errno) -> Int? in try event.read(into: bytes) }
        if got == 8 { total &+= new }
        return total
    }
}
