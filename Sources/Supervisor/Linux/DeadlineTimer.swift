internal import CLinux
internal import Glibc

/// One timer on CLOCK_MONOTONIC for the nearest of all deadlines.
package struct DeadlineTimer: ~Copyable {
    private let timer: Descriptor

    /// The descriptor to poll for reading.
    package var fd: Int32 { timer.raw }

    package init() throws(Errno) {
        timer = Descriptor(owning: try Errno.check(clinux_timerfd_create(), "timerfd_create"))
    }

    /// Rings at `instant` (at once when that is over), or never. Replaces what was set before.
    package borrowing func set(_ instant: Instant?) throws(Errno) {
        // Zero would disarm.
        let nanoseconds = instant.map { max($0.nanoseconds, 1) } ?? 0
        try Errno.check(clinux_timerfd_set(timer.raw, nanoseconds), "timerfd_settime")
    }

    /// Takes the ring back; true when it had rung.
    package borrowing func acknowledge() -> Bool {
        var count: UInt64 = 0
        return withUnsafeMutableBytes(of: &count) { buffer in
            Glibc.read(timer.raw, buffer.baseAddress, buffer.count) == buffer.count
        }
    }
}
