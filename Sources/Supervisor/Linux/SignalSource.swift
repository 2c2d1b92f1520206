internal import CLinux
internal import Glibc

/// Signals as data: blocked in every thread, read from a descriptor.
///
/// Create it in main before any other thread exists: threads inherit the mask. As PID 1 this is also what makes
/// TERM reach us at all, since the kernel discards signals with a default action there.
package struct SignalSource: ~Copyable {
    /// One delivered signal; the kernel merges equal ones that wait.
    package struct Delivery: Hashable, Sendable {
        package var signal: Int32
        /// Who sent it, 0 when it was the kernel or somebody out of sight.
        package var sender: Int32
    }

    /// What the supervisor listens to.
    package static let supervisor: [Int32] = [
        SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH, SIGPIPE,
    ]

    private let source: Descriptor

    /// The descriptor to poll for reading.
    package var fd: Int32 { source.raw }

    package init(_ signals: [Int32] = SignalSource.supervisor) throws(Errno) {
        let mask = signals.reduce(UInt64(0)) { mask, signal in
            (1...64).contains(signal) ? mask | (1 << UInt64(signal - 1)) : mask
        }
        try Errno.check(clinux_block_signals(mask), "sigprocmask")
        source = Descriptor(owning: try Errno.check(clinux_signalfd(mask), "signalfd"))
    }

    /// The next signal that waits, or nil.
    package borrowing func next() throws(Errno) -> Delivery? {
        var signal: Int32 = 0
        var sender: pid_t = 0
        let got = try Errno.check(clinux_signalfd_read(source.raw, &signal, &sender), "read signalfd")
        return got == 0 ? nil : Delivery(signal: signal, sender: sender)
    }
}
