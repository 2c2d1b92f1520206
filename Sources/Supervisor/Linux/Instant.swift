internal import CLinux

/// A point on CLOCK_MONOTONIC: not moved by clock changes, and standing still while the machine is suspended.
///
/// Not CLOCK_BOOTTIME, which counts the suspension: after a resume every deadline of every worker would be over.
package struct Instant: InstantProtocol, Hashable, Sendable {
    /// Since an arbitrary origin.
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Reads the clock. Only drivers call this; policies get `now` as a parameter.
    package static func now() -> Instant {
        Instant(nanoseconds: clinux_monotonic_nanoseconds())
    }

    package func advanced(by duration: Duration) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        guard overflow else { return Instant(nanoseconds: sum) }
        return Instant(nanoseconds: duration < .zero ? .min : .max)
    }

    package func duration(to other: Instant) -> Duration {
        let (difference, overflow) = other.nanoseconds.subtractingReportingOverflow(nanoseconds)
        guard overflow else { return .nanoseconds(difference) }
        return .nanoseconds(self < other ? Int64.max : .min)
    }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    package static func + (left: Instant, right: Duration) -> Instant {
        left.advanced(by: right)
    }

    package static func - (left: Instant, right: Duration) -> Instant {
        left.advanced(by: .zero - right)
    }

    package static func - (left: Instant, right: Instant) -> Duration {
        right.duration(to: left)
    }
}

extension Duration {
    /// Nanoseconds, held at the ends of what an Int64 can say (292 years).
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflow || carried { return seconds < 0 ? .min : .max }
        return sum
    }

    /// Milliseconds, rounded down, held at the ends of an Int64.
    package var wholeMilliseconds: Int64 {
        wholeNanoseconds / 1_000_000
    }
}
