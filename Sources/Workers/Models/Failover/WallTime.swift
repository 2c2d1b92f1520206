/// A moment by the wall clock, in milliseconds since 1970: cooldowns outlive the process, so they cannot stand on a
/// clock that begins with it. Sums saturate.
package struct WallTime: Comparable, Hashable, Sendable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: WallTime, right: WallTime) -> Bool { left.milliseconds < right.milliseconds }

    package static func + (time: WallTime, duration: Duration) -> WallTime {
        let (sum, overflow) = time.milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
        return WallTime(milliseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// How long after `earlier` this is; negative when it is before.
    package static func - (later: WallTime, earlier: WallTime) -> Duration {
        let (difference, overflow) = later.milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return .milliseconds(overflow ? (later < earlier ? Int64.min / 2 : Int64.max / 2) : difference)
    }
}

extension Duration {
    /// Cut towards zero; saturates.
    package var wholeMilliseconds: Int64 {
        let (milliseconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return components.seconds < 0 ? .min : .max }
        let (sum, isTooMuch) = milliseconds.addingReportingOverflow(components.attoseconds / 1_000_000_000_000_000)
        return isTooMuch ? (milliseconds < 0 ? .min : .max) : sum
    }
}
