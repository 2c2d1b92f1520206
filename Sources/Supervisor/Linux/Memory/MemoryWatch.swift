/// When to look at a worker's memory before its next heartbeat.
///
/// A worker whose use stands still is looked at with its heartbeats and costs no wake-up of its own. One that grows is
/// looked at again when it could be half way to the next bar, at this pace.
package struct MemoryWatch: Sendable {
    /// No more than twenty looks a second, however fast it grows.
    static let soonest = Duration.milliseconds(50)
    /// Later than this a heartbeat comes anyway.
    static let latest = Duration.seconds(1)
    /// Growth below this share of the bar is breathing, not growing.
    static let stillness: Int64 = 64

    private var last: (bytes: Int64, at: Instant)?
    package private(set) var nextLook: Instant?

    package init() {}

    /// - Parameters:
    ///   - usedBytes: what was just seen.
    ///   - bars: soft and hard limit in bytes; those that are 0 or crossed already are of no interest.
    package mutating func sampled(_ usedBytes: Int64, bars: [Int64], at now: Instant) {
        let before = last
        last = (usedBytes, now)
        nextLook = nil
        guard let before, let bar = bars.filter({ $0 > usedBytes }).min() else { return }
        let grown = usedBytes - before.bytes
        let took = (now - before.at).wholeNanoseconds
        guard grown > bar / Self.stillness, took > 0 else { return }
        let left = Double(bar - usedBytes) * Double(took) / Double(grown) / 2
        guard left < Double(Self.latest.wholeNanoseconds) else { return }
        nextLook = now + max(Self.soonest, .nanoseconds(Int64(left)))
    }
}
