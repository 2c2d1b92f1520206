internal import Failover
internal import IPCHub
internal import NIOCore
internal import Runtime
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

    private struct State {
        var phase = Phase.head
        var deadline: ContinuousClock.Instant
        /// When who waits for the deadline looks again: not before the one that was known when it began.
        var napEnd: ContinuousClock.Instant
    }

    private let state: Mutex<State>
    private let waiters: Waiters
    private let overall: ContinuousClock.Instant

    init(times: CallTimes, overall: ContinuousClock.Instant, on loop: any EventLoop) {
        self.overall = overall
        waiters = Waiters(on: loop)
        let deadline = ContinuousClock.now + times.connect + times.head
        state = Mutex(State(deadline: deadline, napEnd: deadline))
    }

    func enter(_ phase: Phase, for limit: Duration) {
        let deadline = ContinuousClock.now + limit
        let isEarly = state.withLock { state in
            state.phase = phase
            state.deadline = deadline
            return deadline < state.napEnd
        }
        // A phase that is shorter than the rest of the one before it.
        if isEarly { waiters.wake() }
    }

    /// Enters the phase of an answer of which this has come.
    func follow(_ draft: AnswerDraft, _ times: CallTimes) {
        if draft.isOver {
            enter(.end, for: times.end)
        } else if draft.isFinished {
            enter(.end, for: times.afterwards)
        } else if draft.hasBegun {
            enter(.idle, for: times.idle)
        }
    }

    /// Returns when a phase has taken too long; throws when the task is cancelled.
    private func expired() async throws -> Expiry {
        while true {
            try Task.checkCancellation()
            let now = ContinuousClock.now
            let (expiry, end) = state.withLock { state -> (Expiry?, ContinuousClock.Instant) in
                let isOver = now >= state.deadline || now >= overall
                state.napEnd = min(state.deadline, overall)
                return (isOver ? Expiry(phase: state.phase, isOverall: now >= overall) : nil, state.napEnd)
            }
            if let expiry { return expiry }
            await waiters.wait(within: end - now) { state.withLock { $0.deadline < end } }
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
