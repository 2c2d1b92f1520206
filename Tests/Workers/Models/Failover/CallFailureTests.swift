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
}
