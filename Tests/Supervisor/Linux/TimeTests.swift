import Testing

@testable import Supervisor

struct TimeTests {
    @Test("instants at the end of time stay there instead of trapping")
    func bounds() {
        let end = Instant(nanoseconds: .max)
        let start = Instant(nanoseconds: .min)
        #expect(end + .seconds(1) == end)
        #expect(start - .seconds(1) == start)
        #expect(end - start == .nanoseconds(Int64.max))
        #expect(start - end == .nanoseconds(Int64.min))
        #expect(Instant(nanoseconds: 0) + .seconds(Int64.max) == end)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
        #expect(Duration.milliseconds(1500).wholeMilliseconds == 1500)
    }

    @Test("a spell in which the machine stood still is no running time")
    func suspended() {
        let start = Instant(nanoseconds: 0)
        var clock = RunningClock(now: start)
        #expect(clock.reading(at: start + .seconds(2), due: start + .seconds(2)) == start + .seconds(2))
        // Due at 4, woken at 1000: those 996 seconds gave no worker a chance.
        let running = clock.reading(at: start + .seconds(1000), due: start + .seconds(4))
        #expect(running == start + .seconds(4))
        #expect(clock.monotonic(of: running + .seconds(3)) == start + .seconds(1003))
        #expect(clock.reading(at: start + .seconds(1002), due: start + .seconds(1002)) == start + .seconds(6))
    }

    @Test("an ordinary delay counts, so that a busy machine still finds its dead workers")
    func busy() {
        let start = Instant(nanoseconds: 0)
        var clock = RunningClock(now: start)
        let late = start + .seconds(2) + RunningClock.tolerance
        #expect(clock.reading(at: late, due: start + .seconds(2)) == late)
        // Woken early by an event, or waiting for nothing but events: no time is lost.
        #expect(clock.reading(at: late + .seconds(5), due: late + .seconds(9)) == late + .seconds(5))
        #expect(clock.reading(at: late + .seconds(500), due: nil) == late + .seconds(500))
    }

    @Test("running time never goes back")
    func monotonic() {
        let start = Instant(nanoseconds: 0)
        var clock = RunningClock(now: start)
        var generator = SystemRandomNumberGenerator()
        var now = start
        var last = start
        for _ in 0..<2000 {
            let due = Bool.random(using: &generator) ? now + .milliseconds(Int.random(in: -5000...5000)) : nil
            now = now + .milliseconds(Int.random(in: 0...10_000))
            let running = clock.reading(at: now, due: due)
            #expect(running >= last)
            #expect(running <= now)
            last = running
        }
    }
}
