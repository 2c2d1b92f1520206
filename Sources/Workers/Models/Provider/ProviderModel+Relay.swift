internal import Config
internal import Failover
internal import FoundationEssentials
internal import IPCHub
internal import Runtime

extension ProviderModel {
    /// Passes a request through: the same keys, cooldowns and ledger as a call, the body in the client's own words.
    func relay(_ call: RelayCall, into answer: RelayAnswer) async throws {
        guard let relay = attempts as? any RelayAttempts, let format = relay.relayFormat(call.request.path) else {
            return refuse(call, into: answer)
        }
        let stand = Self.stand(call)
        try await run(
            Answering(
                call: stand,
                relayed: answer,
                attempt: { key, limit, course in
                    await relay.relay(call, format, with: key, limit: limit, into: answer, first: course.first) {
                        report in
                        guard let failed = course.ended(report) else { return answer.end() }
                        answer.body(format.errorEvent(failed))
                        answer.end(error: failed.cause)
                    }
                },
                // An answer that begins goes on by itself.
                finished: { _ in answer.end() },
                failed: { failed in
                    answer.head(Self.head(failed, call))
                    answer.body(format.error(failed))
                    answer.end()
                }
            )
        )
    }

    /// The request in the terms of a call: what keys, plan and ledger need of it.
    private static func stand(_ call: RelayCall) -> ModelCall {
        var request = HubModelRequest()
        request.model = call.request.model
        request.caller = call.request.caller
        request.timeLeftMs = call.request.timeLeftMs
        request.attemptsLeft = call.request.attemptsLeft
        return ModelCall(request: request, messages: [])
    }

    private static func head(_ failed: HubModelEvent.Failed, _ call: RelayCall) -> HubRelayHead {
        var head = HubRelayHead()
        head.status = RelayFormat.status(failed.kind)
        var type = HubRelayHeader()
        (type.name, type.value) = ("content-type", "application/json")
        head.headers = [type]
        if failed.retryAfterMs > 0 {
            var after = HubRelayHeader()
            (after.name, after.value) = ("retry-after", String((failed.retryAfterMs + 999) / 1000))
            head.headers.append(after)
        }
        head.tryNext = failed.tryNext
        head.attempts = failed.attempts
        return head
    }

    /// Nothing is translated on the way through: a request goes to a provider that speaks its dialect.
    private func refuse(_ call: RelayCall, into answer: RelayAnswer) {
        var failed = HubModelEvent.Failed()
        failed.kind = .badRequest
        failed.cause =
            "\(config.provider) speaks \(config.dialect.rawValue), which \(call.request.path.prefix(60)) is not the path of"
        answer.head(Self.head(failed, call))
        answer.body((RelayFormat(rawValue: call.request.path) ?? .chat).error(failed))
        answer.end()
    }
}
