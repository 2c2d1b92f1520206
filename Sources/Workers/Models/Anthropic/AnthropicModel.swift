internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

/// Claude through the Messages API.
///
/// Before anything of an answer has gone to the agent a call may be made again, at most twice and only where waiting
/// helps. After that a failure is the agent's to tell.
struct AnthropicModel: ModelProvider {
    /// Longest pause that a provider may ask for before we rather report it.
    static let longestPause = Duration.seconds(5)
    static let retries = 2

    let upstream: Upstream
    let log: Logger
    /// Pause before retry n (from 0) when the provider names none.
    var backoff: @Sendable (Int) -> Duration = { retry in
        .milliseconds(Int.random(in: 375...500) << min(retry, 4))
    }

    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        let body = MessagesRequest.body(call)
        let overall = ContinuousClock.now + upstream.times.total
        let isCommitted = Mutex(false)
        var retry = 0
        while true {
            do {
                try await upstream.stream(body, overall: overall) { event in
                    isCommitted.withLock { $0 = true }
                    try await answer.write(event)
                }
                return
            } catch let failure as Failure {
                let isCommitted = isCommitted.withLock { $0 }
                guard !isCommitted, retry < Self.retries, let pause = pause(failure, retry),
                    ContinuousClock.now + pause < overall
                else {
                    // The agent says it in the log, with the conversation that it concerns.
                    log.debug("\(call.request.model): \(failure.cause)")
                    return try await answer.failed(failure.event(beforeContent: !isCommitted))
                }
                log.info("\(call.request.model) is asked again in \(Self.milliseconds(pause)) ms: \(failure.cause)")
                try await Task.sleep(for: pause)
                retry += 1
            }
        }
    }

    func shed() async { await upstream.client.shed() }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    }

    /// How long to wait before asking again; nil when asking again is of no use.
    private func pause(_ failure: Failure, _ retry: Int) -> Duration? {
        guard failure.isTransient else { return nil }
        guard let asked = failure.retryAfter else { return backoff(retry) }
        return asked <= Self.longestPause ? asked : nil
    }
}

/// Answers every call with one failure: there is nothing to ask a provider with.
struct NoCredential: ModelProvider {
    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        try await answer.failed(Failure(.auth, "there is no key for this provider").event(beforeContent: true))
    }
}
