internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

/// One model call with the patience that the contract asks for: asked again when the gateway died (not counted) and
/// when the model's worker died (counted).
struct ModelAsking {
    let place: TurnPlace
    let running: RunningTurn
    /// The model's worker.
    let worker: String
    /// How often a worker that dies is asked again; nil: as often as the place's timing says.
    var retryLimit: Int?

    /// What asking came to.
    enum Result {
        /// Complete, or failed in the provider's words.
        case answer(AnswerReading)
        /// Interrupted after this much text.
        case interrupted(String)
        /// The stream broke too often; the last one after this much text.
        case lost(cause: String, partial: String)
    }

    /// - Parameter before: the turn's text from earlier rounds, in front of what this call adds.
    func ask(_ call: PromptCall, before: String) async -> Result {
        var retries = place.timing.modelRetries.prefix(retryLimit ?? .max)
        while true {
            let reading = SharedReading()
            let failure = await attempt(call, before: before, reading)
            let answer = reading.value.withLock { $0 }
            if running.interruption != nil { return .interrupted(answer.text) }
            if answer.finished != nil || answer.failed != nil { return .answer(answer) }
            place.log.info("turn \(running.turn.turnID): the model's stream broke: \(failure.cause)")
            await running.events.reset(to: before)
            if failure.isLinkLost {
                _ = try? await running.interruptible { try await place.link.stands() }
            } else {
                guard let pause = retries.popFirst() else { return .lost(cause: failure.cause, partial: answer.text) }
                _ = try? await running.interruptible { try await Task.sleep(for: pause) }
            }
            if running.interruption != nil { return .interrupted(answer.text) }
        }
    }

    private struct Break {
        var cause: String
        var isLinkLost: Bool
    }

    /// The receiving task's while it runs, and the asking one's afterwards.
    private final class SharedReading: Sendable {
        let value = Mutex(AnswerReading())
    }

    /// One stream to its end. What is returned counts only when no answer came of it.
    private func attempt(_ call: PromptCall, before: String, _ reading: SharedReading) async -> Break {
        let welcomes = place.link.welcomes
        let separator = before.isEmpty ? "" : "\n\n"
        var cause = "it ended before the answer did"
        place.reach("model.before-call")
        do {
            _ = try await running.interruptible { [place, running, worker] in
                try await place.models.call(worker, call) { event in
                    let (step, isFirst) = reading.value.withLock { reading in
                        let isFirst = reading.text.isEmpty
                        return (reading.take(event), isFirst)
                    }
                    switch step {
                    case .text(let text): await running.events.append(isFirst ? separator + text : text)
                    case .more: break
                    case .over: return false
                    }
                    return true
                }
            }
        } catch {
            cause = "\(error)"
        }
        if reading.value.withLock({ $0.finished != nil || $0.failed != nil }) {
            place.reach("model.after-call")
            return Break(cause: "", isLinkLost: false)
        }
        guard running.interruption == nil else { return Break(cause: "interrupted", isLinkLost: false) }
        return Break(
            cause: cause,
            isLinkLost: await place.link.isLost(since: welcomes, within: place.timing.linkGrace)
        )
    }
}
