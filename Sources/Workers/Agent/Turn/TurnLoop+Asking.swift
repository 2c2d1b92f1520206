internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Runtime

/// How a turn comes to an answer: from model to model until one gives it. The model's worker goes from key to key; nobody
/// else tries again.
extension TurnLoop {
    /// Attempts that one answer may cost, all keys and models together.
    static let attemptLimit = 6
    /// Below it another model is not asked: its answer would be cut by the turn's own limit.
    static let shortestTry = Duration.seconds(5)

    /// What came of asking.
    enum Found {
        case answer(AnswerReading)
        /// Interrupted after this much text.
        case interrupted(String)
        /// Nothing is left to ask. `partial`: what came of an answer before it broke.
        case failed(partial: String, sentence: String, cause: String)
    }

    private var timeLeft: Duration { place.timing.turnLimit - (ContinuousClock.now - running.began) }

    private var timeLeftMilliseconds: Int64 {
        let left = max(timeLeft, .milliseconds(1)).components
        return left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
    }

    func seek(_ session: TurnSession, _ chain: inout ModelChain) async -> Found {
        var attemptsLeft = Self.attemptLimit
        while true {
            session.model = chain.current.model
            session.fallback = chain.detour.map {
                FallbackNotice(wanted: chain.wanted.model, answering: chain.current.model, reason: $0)
            }
            let before = session.textSoFar
            await running.events.reset(to: before)
            var failed: HubModelEvent.Failed
            var partial = ""
            switch await ask(call(session, chain, attemptsLeft: attemptsLeft), chain, before: before) {
            case .interrupted(let partial): return .interrupted(partial)
            case .answer(let answer):
                guard let failure = answer.failed else { return .answer(answer) }
                failed = failure
                partial = answer.text
                // A call for a tool that is not carried out is as good as nothing, but somebody may have paid for it.
                if !answer.isEmpty { failed.tryNext = false }
            case .lost(let cause, let text):
                failed = HubModelEvent.Failed()
                failed.cause = cause
                failed.tryNext = text.isEmpty
                failed.beforeContent = text.isEmpty
                failed.attempts = 1
                partial = text
            }
            place.log.warning(
                "turn \(turn.turnID) of \(key): \(session.model) failed (\(failed.kind)): \(failed.cause)"
            )
            attemptsLeft -= Int(clamping: failed.attempts)
            if !partial.trimmed().isEmpty {
                let sentence = FailureSentence.afterContent(failed, model: session.model)
                return .failed(partial: partial, sentence: sentence, cause: failed.cause)
            }
            let mayGoOn = attemptsLeft > 0 && timeLeft >= Self.shortestTry
            if !mayGoOn { failed.tryNext = false }
            guard chain.advance(after: failed) else {
                return .failed(partial: "", sentence: sentence(chain, failed), cause: failed.cause)
            }
            place.log.info("turn \(turn.turnID) of \(key): \(chain.current.model) is asked")
        }
    }

    /// Asks one model; once more without pictures when the provider refused the call: one picture that it cannot read would
    /// otherwise end this conversation for good.
    private func ask(_ call: PromptCall, _ chain: ModelChain, before: String) async -> ModelAsking.Result {
        let asking = ModelAsking(
            place: place,
            running: running,
            worker: chain.current.worker,
            retryLimit: chain.hasMore ? 2 : nil
        )
        let first = await asking.ask(call, before: before)
        guard case .answer(let answer) = first, let failure = answer.failed, failure.kind == .badRequest,
            answer.isEmpty, !call.pictures.isEmpty
        else { return first }
        place.log.warning(
            "turn \(turn.turnID) of \(key): \(chain.current.worker) refused a call with \(call.pictures.count) pictures, it is asked without them: \(failure.cause)"
        )
        return await asking.ask(call.withoutPictures(Picture.refused), before: before)
    }

    private func sentence(_ chain: ModelChain, _ last: HubModelEvent.Failed) -> String {
        guard let (target, failed, others) = chain.failure else { return FailureSentence.of(last, model: turn.model) }
        var sentence =
            failed.kind == .unknown && failed.profile.isEmpty && failed.attempts == 1 && others.isEmpty
            ? FailureSentence.workerLost : FailureSentence.of(failed, model: target.model)
        for (model, failed) in others {
            sentence += " I asked \(model) as well, which \(FailureSentence.reason(failed))."
        }
        if chain.isStrict { sentence += FailureSentence.chosen(target.model, configured: turn.model) }
        return sentence
    }

    private func call(_ session: TurnSession, _ chain: ModelChain, attemptsLeft: Int) -> PromptCall {
        var request = HubModelRequest()
        request.model = ModelName(session.model).model
        request.caller.agent = place.agent
        request.caller.sessionKey = key.canonical
        request.caller.runID = turn.turnID
        request.caller.purpose = "turn"
        request.timeLeftMs = UInt32(clamping: timeLeftMilliseconds)
        request.attemptsLeft = UInt32(clamping: attemptsLeft)
        request.byChoice = chain.insists
        if case .chosen(_, let profile) = session.choice { request.profile = profile }
        request.maxTokens = TurnPlace.answerTokens
        request.thinking = session.thinking
        request.tools = place.tools(in: turn.channel).map(\.declaration)
        let prompt = SystemPrompt(
            agent: place.agent,
            name: place.name,
            workspace: place.store.workspace,
            timezone: place.timezone,
            tools: place.tools(in: turn.channel)
        )
        request.system = prompt.text(turn: turn, model: session.model, interrupted: session.unseenCalls()) { path in
            // A file that cannot be read is as good as none here; the person sees it missing.
            guard let slice = try? Disk.head(path, limit: SystemPrompt.fileLimit * 4) else { return nil }
            return String(decoding: slice.bytes, as: UTF8.self)
        }
        let (messages, pictures) = session.messages()
        return PromptCall(call: ModelCall(request: request, messages: messages), pictures: pictures)
    }
}
