internal import Failover
internal import IPCHub
internal import Synchronization

/// The clock of one attempt: which phase it is in and until when.
final class CallWatch: Sendable {
    enum Phase: String, Sendable {
        case head = "the response"
        case firstContent = "the first word"
        case idle = "the next word"
        /// Of an answer that is whole already, or of an error whose status is known: no failure of its own.
        case end = "the end of the body"
    }

    /// A deadline that went by.
    struct Expiry: Sendable {
        var phase: Phase
        var isOverall: Bool

        var failure: CallFailure {
            let words =
                isOverall
                ? "the call took too long as a whole, waiting for \(phase.rawValue)"
                : "timed out waiting for \(phase.rawValue)"
            var failure = CallFailure(.timeout, words)
            failure.scope = .provider
            return failure
        }
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

    /// Returns when a phase has taken too long; throws when the task is cancelled.
    private func expired() async throws -> Expiry {
        while true {
            let (phase, deadline) = state.withLock { $0 }
            let now = ContinuousClock.now
            if now >= deadline || now >= overall { return Expiry(phase: phase, isOverall: now >= overall) }
            try await Task.sleep(until: min(deadline, overall), clock: .continuous)
        }
    }

    /// Runs `work` until it ends, throws, or a phase takes too long; then it is cancelled and what went by is returned.
    func run(_ work: @escaping @Sendable () async throws -> Void) async throws -> Expiry? {
        try await withThrowingTaskGroup(of: Expiry?.self) { group in
            group.addTask {
                try await work()
                return nil
            }
            group.addTask { try await self.expired() }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
