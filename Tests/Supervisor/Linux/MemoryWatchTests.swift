import Testing

@testable import Supervisor

/// When a worker's memory is looked at between its heartbeats.
struct MemoryWatchTests {
    private static let megabyte: Int64 = 1 << 20
    private static let bars = [64 * megabyte, 96 * megabyte]

    /// Looks at one second, then `gap` later, and tells how long after that the next look is.
    private func next(_ first: Int64, _ second: Int64, gap: Duration = .seconds(2), bars: [Int64] = bars) -> Duration? {
        var watch = MemoryWatch()
        let start = Instant(nanoseconds: 1_000_000_000)
        watch.sampled(first * Self.megabyte, bars: bars, at: start)
        #expect(watch.nextLook == nil)
        watch.sampled(second * Self.megabyte, bars: bars, at: start + gap)
        return watch.nextLook.map { $0 - (start + gap) }
    }

    @Test("a worker that stands still, shrinks or breathes is left to its heartbeats")
    func still() {
        #expect(next(60, 60) == nil)
        #expect(next(63, 20) == nil)
        #expect(next(62, 63) == nil)
        #expect(next(100, 200) == nil)
        #expect(next(10, 20, bars: [0, 0]) == nil)
    }

    @Test("one that grows is looked at half way to the next bar, and at most twenty times a second")
    func growing() {
        // 20 MB in two seconds, 10 MB left: there in one second.
        #expect(next(34, 54) == .milliseconds(500))
        // 30 left to the soft limit: a heartbeat comes before.
        #expect(next(14, 34) == nil)
        // Beyond the soft limit the hard one counts.
        #expect(next(50, 90) == .milliseconds(150))
        #expect(next(0, 63) == .milliseconds(50))
        #expect(next(0, 60, gap: .milliseconds(50)) == .milliseconds(50))
    }

    @Test("impossible numbers trap nothing")
    func extremes() {
        var watch = MemoryWatch()
        let start = Instant(nanoseconds: 0)
        for used in [0, Int64.max, 0, Int64.max - 1] {
            watch.sampled(used, bars: [.max, .max, -1, .min], at: start)
            watch.sampled(used, bars: [.max, 1], at: start + .seconds(1))
        }
    }
}
