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
        let command = Command(turn)
        let session = try await TurnSession.open(place: place, turn: turn, key: key, command: command)
        if let finished = session.finished() { return .done(finished) }
        switch command {
        case .reset(let rest)? where rest.isEmpty:
            return .done(try await session.answerCommand("A fresh conversation begins. \(modelLine(session))"))
        case .status?: return .done(try await session.answerCommand(await status(session)))
        case .help?: return .done(try await session.answerCommand(Command.helpText))
        case .model("")?: return .done(try await session.answerCommand(modelLine(session)))
        case .model(let name)?: return .done(try await session.answerCommand(await choose(name)))
        case .whoami?: return .done(try await session.answerCommand(Command.whoami(turn, key: key)))
        case .reset?, nil: break
        }
        if !turn.unavailable.isEmpty || turn.modelWorker.isEmpty {
            let sentence = turn.unavailable.isEmpty ? FailureSentence.noModel : turn.unavailable
            try session.begin()
            return .done(try await session.fail(sentence, cause: "no model worker: \(sentence)"))
        }
        guard try await begin(session) else { return try await interrupted("", session) }
        return try await rounds(session)
    }

    /// The user's entry, with the message's files. False when the turn was interrupted meanwhile.
    private func begin(_ session: TurnSession) async throws(DiskError) -> Bool {
        guard !session.isBegun else { return true }
        var files: [InboundFile] = []
        if let door = place.media, !turn.message.media.isEmpty {
            let fetching = InboundFiles(folder: place.folder, door: door, log: place.log)
            // Only an interruption ends it without a result.
            let fetched = try? await running.interruptible { [turn] in try await fetching.fetch(turn) }
            files = fetched ?? []
        }
        guard running.interruption != "shutdown" else { return false }
        try session.begin(files)
        return running.interruption == nil
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
            switch await ask(call(session), before: session.textSoFar) {
            case .interrupted(let partial): return try await interrupted(partial, session)
            case .lost(let cause):
                return .done(try await session.fail(FailureSentence.workerLost, cause: cause))
            case .answer(let answer):
                if let failure = answer.failed {
                    var sentence = FailureSentence.of(failure, model: session.model)
                    if failure.kind == .badRequest, session.model != turn.model {
                        sentence +=
                            " This conversation has chosen \(session.model); /model default goes back to \(turn.model)."
                    }
                    place.log.warning(
                        "turn \(turn.turnID) of \(key): \(session.model) failed (\(failure.kind)): \(failure.cause)"
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

    /// Asks; once more without pictures when the provider refused the call: one picture that it cannot read would
    /// otherwise end this conversation for good.
    private func ask(_ call: PromptCall, before: String) async -> ModelAsking.Result {
        let asking = ModelAsking(place: place, running: running)
        let first = await asking.ask(call, before: before)
        guard case .answer(let answer) = first, let failure = answer.failed, failure.kind == .badRequest,
            answer.isEmpty, !call.pictures.isEmpty
        else { return first }
        place.log.warning(
            "turn \(turn.turnID) of \(key): \(turn.modelWorker) refused a call with \(call.pictures.count) pictures, it is asked without them: \(failure.cause)"
        )
        return await asking.ask(call.withoutPictures(Picture.refused), before: before)
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
        let tool = place.tools(in: turn.channel).first { $0.name == call.name }
        var frame = HubToolCall()
        frame.turnID = turn.turnID
        frame.callID = call.id
        frame.name = call.name
        frame.arguments = Data(call.arguments.encoded())
        frame.readOnly = tool?.isReadOnly ?? true
        let earlier = turn.toolCalls.first { $0.callID == call.id }
        if let earlier, earlier.hasResult {
            return await again(earlier, call, tool, session)
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
            let context = session.toolContext(model: session.model)
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

    /// The result that an earlier attempt got. What it collected to go out died with that attempt and is collected again.
    private func again(
        _ earlier: HubToolCall,
        _ call: TurnSession.Call,
        _ tool: (any AgentTool)?,
        _ session: TurnSession
    ) async -> ToolOutcome {
        var outcome = ToolOutcome(text: earlier.result.text, isError: earlier.result.isError)
        guard let tool, tool is MessageTool, !outcome.isError else { return outcome }
        outcome.parts = await tool.run(call.arguments, context: session.toolContext(model: session.model)).parts
        if outcome.parts.isEmpty {
            place.log.warning("turn \(turn.turnID) of \(key): what \(call.name) was to send cannot be had any more")
        }
        return outcome
    }

    private func call(_ session: TurnSession) -> PromptCall {
        var request = HubModelRequest()
        request.model = ModelName(session.model).model
        request.maxTokens = TurnPlace.answerTokens
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

    private func modelLine(_ session: TurnSession) -> String {
        if turn.modelWorker.isEmpty { return turn.unavailable.isEmpty ? FailureSentence.noModel : turn.unavailable }
        let configured = session.model == turn.model ? "" : " /model default goes back to \(turn.model)."
        return "Model: \(session.model).\(configured)"
    }

    private func choose(_ name: String) async throws(DiskError) -> String {
        let change = ModelChoice.change(name, turn: turn)
        try await place.store.update(key) { [turn] entry in ModelChoice.apply(change, &entry, turn: turn) }
        return ModelChoice.sentence(change, turn: turn)
    }

    private func status(_ session: TurnSession) async -> String {
        guard let tool = place.tools.first(where: { $0.name == "session_status" }) else { return modelLine(session) }
        return await tool.run([:], context: session.toolContext(model: session.model)).text
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
