internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

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
        case .model(let name)? where ["", "list", "ls"].contains(name.lowercased()):
            let list = ModelChoice.list(turn, current: session.model)
            let answer = [modelLine(session), list].filter { !$0.isEmpty }.joined(separator: "\n\n")
            return .done(try await session.answerCommand(answer))
        case .model(let name)?: return .done(try await session.answerCommand(try await choose(name)))
        case .think(let level)?: return .done(try await session.answerCommand(try await think(level)))
        case .whoami?: return .done(try await session.answerCommand(Command.whoami(turn, key: key)))
        case .reset?, nil: break
        }
        let chain: ModelChain
        switch session.choice {
        case .gone(let model):
            try session.begin()
            let sentence = FailureSentence.gone(model, configured: turn.model)
            return .done(try await session.fail(sentence, cause: "the chosen model \(model) cannot be had"))
        case .chosen(let target, _): chain = ModelChain([target], isStrict: true)
        case .configured: chain = ModelChain(turn.targets, isStrict: false)
        }
        guard !chain.current.worker.isEmpty else {
            let words = [turn.unavailable, chain.current.unavailable].first { !$0.isEmpty }
            let sentence = words ?? FailureSentence.noModel
            try session.begin()
            return .done(try await session.fail(sentence, cause: "no model worker: \(sentence)"))
        }
        guard try await begin(session) else { return try await interrupted("", session) }
        return try await rounds(session, chain)
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
            files = await heard(files)
        }
        guard running.interruption != "shutdown" else { return false }
        try session.begin(files)
        return running.interruption == nil
    }

    /// With what is said in them.
    private func heard(_ files: [InboundFile]) async -> [InboundFile] {
        guard let door = place.speech, files.contains(where: VoiceNotes.isSpeech), running.interruption == nil else {
            return files
        }
        var caller = HubModelCaller()
        caller.agent = place.agent
        caller.sessionKey = key.canonical
        caller.runID = turn.turnID
        let notes = VoiceNotes(door: door, log: place.log)
        // Only an interruption ends it without a result.
        let heard = try? await running.interruptible { [turn, caller] in
            try await notes.heard(files, turn: turn, caller: caller)
        }
        return (heard ?? nil) ?? files
    }

    private func rounds(_ session: TurnSession, _ chain: ModelChain) async throws(DiskError) -> Outcome {
        var chain = chain
        for round in 0..<ToolRun.rounds {
            if let earlier = session.round(round) {
                guard try await runTools(earlier, round: round, session) else {
                    return try await interrupted("", session)
                }
                continue
            }
            switch await seek(session, &chain) {
            case .interrupted(let partial): return try await interrupted(partial, session)
            case .failed(let partial, let sentence, let cause):
                let done =
                    partial.trimmed().isEmpty
                    ? try await session.fail(sentence, cause: cause)
                    : try await session.failPartial(partial, sentence, cause: cause)
                return .done(done)
            case .answer(let answer):
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

    private func modelLine(_ session: TurnSession) -> String {
        if !turn.targets.contains(where: { !$0.worker.isEmpty }), turn.choices.isEmpty {
            return turn.unavailable.isEmpty ? FailureSentence.noModel : turn.unavailable
        }
        var configured = session.model == turn.model ? "" : " /model default goes back to \(turn.model)."
        if configured.isEmpty, case .chosen = session.choice {
            configured = " It is chosen here: nothing answers in its place. /model default changes that."
        }
        let detour = session.toldFallback.map { $0.wanted == session.model ? "\n\($0.statusLine)." : "" } ?? ""
        return "Model: \(session.model).\(configured)\(detour)"
    }

    private func choose(_ name: String) async throws(DiskError) -> String {
        let change = ModelChoice.change(name, turn: turn)
        try await place.store.update(key) { entry in ModelChoice.apply(change, &entry) }
        return ModelChoice.sentence(change, turn: turn)
    }

    private func think(_ level: String) async throws(DiskError) -> String {
        let answer = Mutex("")
        try await place.store.update(key) { [usual = place.thinking] entry in
            let words = ThinkingChoice.apply(level, &entry, usual: usual)
            answer.withLock { $0 = words }
        }
        return answer.withLock { $0 }
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
