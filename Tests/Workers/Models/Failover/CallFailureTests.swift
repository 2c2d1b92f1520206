import IPCHub
import Testing

@testable import Failover

@Suite("Why an attempt came to nothing")
struct CallFailureTests {
    @Test("what a provider says is cut to what a log line can hold")
    func bounded() {
        let failure = CallFailure(.transient, String(repeating: "x", count: 5000))
        #expect(failure.cause.count == CallFailure.causeLimit)
    }

    @Test("a character of a million marks is no way around a bound: what is kept of it fits into a frame")
    func marks() {
        let huge = "e" + String(repeating: "\u{301}", count: 1_000_000)
        #expect(huge.count == 1)
        let failure = CallFailure(.rateLimit, huge)
        #expect(failure.cause.utf8.count <= 4 * CallFailure.causeLimit)
        var state = Sample.state("a")
        var plan = CallPlan(&state, model: huge, session: "", time: .seconds(600))
        _ = plan.next(&state, at: Sample.start, elapsed: .zero, jitter: 0)
        _ = plan.failed(failure, &state, at: Sample.start)
        #expect(state.snapshot().count < 8192)
    }
}
