internal import Config
internal import Logging

/// What comes by plain HTTP.
extension EdgeCore {
    /// The time in which a probe should have come is over.
    func expectProbe() {
        guard !isDraining, let text = probes.complaint(port: config.port) else { return }
        log.warning("\(text)")
        remark(text)
    }

    /// The answer to a request that needs nothing from the engine, or to one that guesses.
    func answerNow(_ question: HTTPQuestion) -> HTTPAnswer? {
        if probes.saw(question) { remark("") }
        return routes.isImmediate(question) ? routes.answer(question, state: nil) : lockedOut(question)
    }

    /// Nil: no request for a model. The secret is asked for on every address, and guessing it bounded as everywhere.
    func relay(
        _ question: HTTPQuestion,
        headers: () -> [(name: String, value: String)],
        output: any RelayOutput
    ) -> RelayDoor.Reception? {
        guard let format = relays.format(question) else { return nil }
        if let wait = lockout(question) { return .refused(relays.tooManyAttempts(format, wait: wait)) }
        guard admission.secret.accepts(bearer: question.bearer) else { return .refused(relays.unauthorized(format)) }
        if isDraining { return .refused(relays.overloaded(format)) }
        return relays.begin(format, headers: headers(), output: output)
    }

    func relayGrew(_ exchange: RelayExchange) { relays.grew(exchange) }

    func relayEnded(_ exchange: RelayExchange) { relays.ended(exchange) }

    private func lockedOut(_ question: HTTPQuestion) -> HTTPAnswer? {
        lockout(question).map { .tooManyAttempts(wait: $0) }
    }

    /// A bearer is an attempt like any other: without this it could be guessed here as fast as one likes. How long nobody
    /// from there may try again; nil: now.
    private func lockout(_ question: HTTPQuestion) -> Duration? {
        guard question.bearer != nil, !question.peer.isLocal(trustedProxies: config.trustedProxies) else { return nil }
        let key = question.peer.limiterKey(trustedProxies: config.trustedProxies)
        let now = clock.now()
        if let wait = limiter.wait(key, now: now) { return wait }
        if admission.secret.accepts(bearer: question.bearer) {
            limiter.succeeded(key)
        } else {
            counts.authFailures += 1
            limiter.failed(key, now: now)
        }
        return nil
    }

    /// Answers after asking the engine.
    func answerLater(_ question: HTTPQuestion) -> @Sendable () async -> HTTPAnswer {
        var counts = counts
        counts.unsentBytes = connections.values.reduce(0) { $0 + $1.unsentBytes }
        let (routes, methods, now, isDraining) = (routes, methods, counts, isDraining)
        return {
            let state = HTTPRoutes.State(
                workers: await methods.conversations.workers(),
                delivery: await methods.conversations.deliveryStatus(),
                tunnels: await methods.conversations.tunnels(),
                connections: now,
                isDraining: isDraining,
                uptimeMilliseconds: methods.uptimeMilliseconds
            )
            return routes.answer(question, state: state)
        }
    }
}
