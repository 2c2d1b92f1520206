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
}
