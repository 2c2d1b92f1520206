internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Runtime

/// A turn from the message to the answer: user entry, then model call and tool calls in rounds, then the reply entry.
///
/// Everything it writes has an id that follows from the turn's, so a turn that is run again after a crash goes on where
/// the transcript stops: a reply entry is the answer, without a model call.
struct TurnLoop {
    let place: TurnPlace
    let running: RunningTurn
    let key: SessionKey

    var turn: HubTurn { running.turn }

    /// What a turn comes to.
    enum Outcome {
        case done(HubTurnDone)
        /// Stopped by a shutdown: nothing was decided, the gateway gives it out again.
        case dropped
    }

    func run() async -> Outcome {
        place.reach("turn.received")
        await running.events.started()
        do throws(DiskError) {
            return try await converse()
        } catch {
            place.log.error("turn \(turn.turnID) of \(key): \(error)")
            return .done(done(.error, text: error.sentence, cause: error.description))
        }
    }

    private func converse() async throws(DiskError) -> Outcome {
        let command = Command(turn.message.text)
        let session = try await TurnSession.open(place: place, turn: turn, key: key, command: command)
        if let finished = session.finished() { return .done(finished) }
        switch command {
        case .reset(let rest)? where rest.isEmpty:
            return .done(try await session.answerCommand("A fresh conversation begins. \(modelLine)"))
        case .status?: return .done(try await session.answerCommand(await status(session)))
        case .help?: return .done(try await session.answerCommand(Command.helpText))
        case .model?: return .done(try await session.answerCommand(modelLine))
        case .reset?, nil: break
        }
        if !turn.unavailable.isEmpty || turn.modelWorker.isEmpty {
            let sentence = turn.unavailable.isEmpty ? FailureSentence.noModel : turn.unavailable
            try session.begin()
            return .done(try await session.fail(sentence, cause: "no model worker: \(sentence)"))
        }
        try session.begin()
        return try await rounds(session)
    }

    private func rounds(_ session: TurnSession) async throws(DiskError) -> Outcome {
        for round in 0..<ToolRun.rounds {
            if let earlier = session.round(round) {
                guard try await runTools(earlier, round: round, session) else {
                    return try await interrupted("", session)
                }
                continue
            }
            await running.events.reset(to: session.textSoFar)
            switch await ModelAsking(place: place, running: running).ask(call(session), before: session.textSoFar) {
            case .interrupted(let partial): return try await interrupted(partial, session)
            case .lost(let cause):
                return .done(try await session.fail(FailureSentence.workerLost, cause: cause))
            case .answer(let answer):
                if let failure = answer.failed {
                    let sentence = FailureSentence.of(failure, model: turn.model)
                    place.log.warning(
                        "turn \(turn.turnID) of \(key): \(turn.model) failed (\(failure.kind)): \(failure.cause)"
                    )
                    return .done(try await session.fail(sentence, cause: failure.cause))
                }
                if answer.toolUses.isEmpty { return .done(try await session.reply(answer)) }
                let written = try session.write(answer, round: round)
                guard try await runTools(written, round: round, session) else {
                    return try await interrupted("", session)
                }
            }
        }
        return .done(
            try await session.fail(FailureSentence.tooManyRounds, cause: "\(ToolRun.rounds) rounds of tool calls")
        )
    }

    private func interrupted(_ partial: String, _ session: TurnSession) async throws(DiskError) -> Outcome {
        let reason = running.interruption ?? "stop"
        switch reason {
        case "shutdown": return .dropped
        case TurnLoop.ownTimeout:
            return .done(
                try await session.fail(
                    FailureSentence.tookTooLong(place.timeoutSeconds),
                    cause: "the turn took longer than \(place.timeoutSeconds) s"
                )
            )
        default: return .done(try await session.abort(partial, reason: reason))
        }
    }

    /// The reason of the turn's own timer, unlike the gateway's "timeout".
    static let ownTimeout = "turn-limit"

    /// Runs what has no result yet. False when the turn was interrupted.
    private func runTools(
        _ entry: TranscriptEntry,
        round: Int,
        _ session: TurnSession
    ) async throws(DiskError) -> Bool {
        for (index, call) in TurnSession.calls(entry).enumerated() where !session.hasResult(round: round, call: index) {
            guard let outcome = await run(call, session) else { return false }
            try session.write(outcome, of: call, round: round, index: index)
        }
        return running.interruption == nil
    }

    /// One tool call with its two commits around it; nil when the turn is interrupted.
    private func run(_ call: TurnSession.Call, _ session: TurnSession) async -> ToolOutcome? {
        let tool = place.tools.first { $0.name == call.name }
        var frame = HubToolCall()
        frame.turnID = turn.turnID
        frame.callID = call.id
        frame.name = call.name
        frame.arguments = Data(call.arguments.encoded())
        frame.readOnly = tool?.isReadOnly ?? true
        let earlier = turn.toolCalls.first { $0.callID == call.id }
        if let earlier, earlier.hasResult {
            return ToolOutcome(text: earlier.result.text, isError: earlier.result.isError)
        }
        guard let tool, call.malformed == nil else {
            // Nothing runs, so there is nothing for the journal.
            let why = call.malformed ?? "there is no tool of this name"
            return ToolOutcome(text: "\(call.name) was not run: \(why).", isError: true)
        }
        var outcome: ToolOutcome
        if earlier != nil, !tool.isReadOnly {
            outcome = ToolOutcome(text: ModelHistory.unknownEffect, isError: true)
        } else {
            guard await running.open(frame) else { return nil }
            await running.events.tool(started: frame)
            place.reach("tool.before-call")
            let context = session.toolContext(model: turn.model)
            guard let ran = try? await running.interruptible({ await tool.run(call.arguments, context: context) })
            else {
                return nil
            }
            place.reach("tool.after-call")
            outcome = ran
            outcome.text = ran.text.cut(toBytes: ToolRun.resultLimit)
        }
        frame.result.text = outcome.text
        frame.result.isError = outcome.isError
        guard await running.close(frame) else { return nil }
        await running.events.tool(finished: frame)
        return outcome
    }

    private func call(_ session: TurnSession) -> ModelCall {
        var request = HubModelRequest()
        request.model = ModelName(turn.model).model
        request.maxTokens = TurnPlace.answerTokens
        request.tools = place.tools.map(\.declaration)
        let prompt = SystemPrompt(
            agent: place.agent,
            name: place.name,
            workspace: place.store.workspace,
            timezone: place.timezone,
            tools: place.tools
        )
        request.system = prompt.text(turn: turn, model: turn.model, interrupted: session.unseenCalls()) { path in
            // A file that cannot be read is as good as none here; the person sees it missing.
            guard let slice = try? Disk.head(path, limit: SystemPrompt.fileLimit * 4) else { return nil }
            return String(decoding: slice.bytes, as: UTF8.self)
        }
        return ModelCall(request: request, messages: session.messages())
    }

    private var modelLine: String {
        if turn.modelWorker.isEmpty { return turn.unavailable.isEmpty ? FailureSentence.noModel : turn.unavailable }
        return "Model: \(turn.model)."
    }

    private func status(_ session: TurnSession) async -> String {
        guard let tool = place.tools.first(where: { $0.name == "session_status" }) else { return modelLine }
        return await tool.run([:], context: session.toolContext(model: turn.model)).text
    }

    private func done(_ status: HubTurnDone.Status, text: String, cause: String) -> HubTurnDone {
        var done = HubTurnDone()
        done.turnID = turn.turnID
        done.status = status
        done.text = text
        done.cause = cause
        done.model = turn.model
        return done
    }
}
