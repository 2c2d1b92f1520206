internal import IPCHub
internal import Synchronization

/// How long a call may take in each of its phases.
struct CallTimes: Sendable, Equatable {
    var connect = Duration.seconds(10)
    /// From the request to the response's head.
    var head = Duration.seconds(60)
    /// From the head to the first content.
    var firstContent = Duration.seconds(90)
    /// Between two readings afterwards.
    var idle = Duration.seconds(60)
    /// All in all.
    var total = Duration.seconds(600)
    /// After the last event, for the end of the body: a connection whose body was read to its end is used again.
    var end = Duration.milliseconds(50)
}

/// The clock of one attempt: which phase it is in and until when.
final class CallWatch: Sendable {
    enum Phase: String, Sendable {
        case head = "the response"
        case firstContent = "the first word"
        case idle = "the next word"
        case end = "the end of the body"
    }

    private let state: Mutex<(phase: Phase, deadline: ContinuousClock.Instant)>
    private let overall: ContinuousClock.Instant

    init(times: CallTimes, overall: ContinuousClock.Instant) {
        self.overall = overall
        state = Mutex((.head, .now + times.connect + times.head))
    }

    func enter(_ phase: Phase, for limit: Duration) {
        state.withLock { $0 = (phase, .now + limit) }
    }

    var phase: Phase { state.withLock { $0.phase } }

    /// Returns when a phase has taken too long; throws when the task is cancelled.
    func expired() async throws -> Failure {
        while true {
            let (phase, deadline) = state.withLock { $0 }
            let now = ContinuousClock.now
            if now >= overall {
                return Failure(.timeout, "the call took too long as a whole, waiting for \(phase.rawValue)")
            }
            if now >= deadline { return Failure(.timeout, "timed out waiting for \(phase.rawValue)") }
            try await Task.sleep(until: min(deadline, overall), clock: .continuous)
        }
    }
}
