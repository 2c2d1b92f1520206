internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

/// A turn's view of its session: the conversation before it, the entries of its own, and the writing of more.
///
/// Belongs to one turn and is used by its task alone.
final class TurnSession {
    private let place: TurnPlace
    private let turn: HubTurn
    private let key: SessionKey
    private let transcript: Transcript
    /// The turn's message; after `/new` what follows it.
    private let message: HubChatMessage
    /// The model that answers: the conversation's own choice, else the turn's.
    let model: String
    /// When the conversation was last written to, before this turn.
    private let previous: Int64?
    /// The active path without this turn's entries.
    private let others: [TranscriptEntry]
    /// This turn's entries in the order of the file; an earlier attempt may have written some.
    private var own: [TranscriptEntry]
    private var lastID: String?

    /// A tool call that the model made.
    struct Call {
        var id: String
        var name: String
        var arguments: JSON
        var malformed: String?
    }

    private init(
        place: TurnPlace,
        turn: HubTurn,
        key: SessionKey,
        transcript: Transcript,
        message: HubChatMessage,
        model: String,
        previous: Int64?,
        tail: Transcript.Tail
    ) {
        self.place = place
        self.turn = turn
        self.key = key
        self.transcript = transcript
        self.message = message
        self.model = model
        self.previous = previous
        lastID = tail.lastID
        let mine = Self.ownIDs(turn.turnID, tail)
        own = tail.entries.filter { $0.id.map(mine.contains) ?? false }
        others = ActivePath.of(tail.entries).filter { !($0.id.map(mine.contains) ?? false) }
    }

    /// Finds or makes the session and reads the end of its transcript.
    static func open(
        place: TurnPlace,
        turn: HubTurn,
        key: SessionKey,
        command: Command?
    ) async throws(DiskError) -> TurnSession {
        let now = place.now()
        var message = turn.message
        var isReset = false
        if case .reset(let rest)? = command {
            isReset = true
            if !rest.isEmpty { message.text = rest }
        }
        let previous = Mutex<Int64?>(nil)
        let entry = try await place.store.update(key) { [isReset] entry in
            previous.withLock { $0 = isReset ? nil : entry["updatedAt"]?.integer }
            SessionEntry.begin(&entry, turn: turn, isReset: isReset, now: now)
        }
        guard let transcript = place.store.transcript(entry) else {
            throw .failed(what: "name the transcript of \(key) in", path: place.store.path, code: 22)
        }
        let tail = try transcript.read()
        if tail.skippedLines > 0 {
            place.log.warning("\(transcript.path): \(tail.skippedLines) lines are not JSON and were passed over")
        }
        return TurnSession(
            place: place,
            turn: turn,
            key: key,
            transcript: transcript,
            message: message,
            model: ModelChoice.model(entry, turn: turn),
            previous: previous.withLock { $0 },
            tail: tail
        )
    }

    private static func ownIDs(_ turnID: String, _ tail: Transcript.Tail) -> Set<String> {
        var ids: Set<String> = [EntryID.derive(turn: turnID, .user), EntryID.derive(turn: turnID, .reply)]
        for round in 0..<ToolRun.rounds {
            guard let entry = tail.entry(EntryID.derive(turn: turnID, .round(round))), let id = entry.id else { break }
            ids.insert(id)
            for call in calls(entry).indices {
                ids.insert(EntryID.derive(turn: turnID, .toolResult(round: round, call: call)))
            }
        }
        return ids
    }

    private func entry(_ part: EntryID.Part) -> TranscriptEntry? {
        let id = EntryID.derive(turn: turn.turnID, part)
        return own.last { $0.id == id }
    }

    // MARK: What is there

    /// What an earlier attempt has told already, word for word.
    func finished() -> HubTurnDone? {
        guard let reply = entry(.reply) else { return nil }
        let error = reply.message?["errorMessage"]?.string ?? ""
        let own = reply.message?[TranscriptMessage.own]
        let whole = joined([textSoFar, reply.text])
        return switch reply.stopReason {
        case "error": done(.error, TurnReply(text: reply.text, parts: collected), stopReason: "error", cause: error)
        case "aborted": done(.aborted, TurnReply(text: whole), stopReason: error, cause: "")
        default: done(.ok, TurnReply(own, answer: whole), stopReason: Self.hubStopReason(reply), cause: "")
        }
    }

    /// The model's answer of that round, when it asked for tools.
    func round(_ round: Int) -> TranscriptEntry? { entry(.round(round)) }

    func hasResult(round: Int, call: Int) -> Bool { entry(.toolResult(round: round, call: call)) != nil }

    static func calls(_ entry: TranscriptEntry) -> [Call] {
        (entry.message?["content"]?.array ?? []).compactMap { block in
            guard block["type"] == "toolCall", let id = block["id"]?.string else { return nil }
            return Call(
                id: id,
                name: block["name"]?.string ?? "",
                arguments: block["arguments"] ?? [:],
                malformed: block["malformed"]?.string
            )
        }
    }

    private var roundEntries: [TranscriptEntry] {
        var entries: [TranscriptEntry] = []
        while let next = entry(.round(entries.count)) { entries.append(next) }
        return entries
    }

    /// What the rounds so far have said.
    var textSoFar: String { joined(roundEntries.map(\.text)) }

    private func joined(_ texts: [String]) -> String { texts.filter { !$0.isEmpty }.joined(separator: "\n\n") }

    /// Calls of earlier attempts that the transcript does not show and that may have done something.
    func unseenCalls() -> [HubToolCall] {
        let seen = Set(roundEntries.flatMap(Self.calls).map(\.id))
        return turn.toolCalls.filter { !$0.hasResult && !$0.readOnly && !seen.contains($0.callID) }
    }

    func messages() -> (messages: [HubModelMessage], pictures: [Picture]) {
        var history = ModelHistory(budgetBytes: place.historyBytes)
        let folder = place.folder
        history.picture = { folder.holdsInbound($0) ? Picture(path: $0) : nil }
        return history.messages(others + own, turnStart: others.count)
    }

    /// What this turn's tools have collected to go out at its end.
    private var collected: [HubOutgoing] {
        own.filter { $0.role == "toolResult" }.flatMap { TurnReply.parts($0.message?[TranscriptMessage.own]?["parts"]) }
    }

    private var usages: [TokenUsage] {
        own.filter { $0.role == "assistant" }.map { TokenUsage($0.message?["usage"]) }
    }

    func toolContext(model: String) -> ToolContext {
        ToolContext(
            key: key,
            sessionID: transcript.sessionID,
            model: model,
            channel: turn.channel,
            messageID: turn.message.messageID,
            usage: usages.reduce(TokenUsage(), +),
            collected: collected.count
        )
    }

    // MARK: Writing

    /// Whether an earlier attempt wrote the user's message.
    var isBegun: Bool { entry(.user) != nil }

    /// The user's message, unless an earlier attempt wrote it.
    func begin(_ files: [InboundFile] = []) throws(DiskError) {
        guard !isBegun else { return }
        let prompt = UserPrompt(turn, message: message, files: files, envelope: place.envelope, since: previous)
        try append(.user, TranscriptMessage.user(prompt, files: files, now: place.now()), sync: false)
    }

    /// An answer that asks for tools; its calls get ids that are unique in the turn.
    func write(_ answer: AnswerReading, round: Int) throws(DiskError) -> TranscriptEntry {
        var used = Set(roundEntries.flatMap(Self.calls).map(\.id))
        var content = answer.blocks
        for (index, use) in answer.toolUses.enumerated() {
            var id = use.id
            if id.isEmpty || id.utf8.count > 64 || used.contains(id) {
                id = EntryID.call(turn: turn.turnID, round: round, call: index)
            }
            used.insert(id)
            var block = TranscriptMessage.toolCallBlock(
                id: id,
                name: use.name.prefix(bytes: 128),
                arguments: use.arguments
            )
            if let malformed = use.malformed, case .object(var object) = block {
                object["malformed"] = .string(malformed)
                block = .object(object)
            }
            content.append(block)
        }
        return try append(.round(round), assistant(content, answer, stopReason: "toolUse"), sync: true)
    }

    func write(_ outcome: ToolOutcome, of call: Call, round: Int, index: Int) throws(DiskError) {
        let result = TranscriptMessage.toolResult(
            callID: call.id,
            name: call.name,
            text: outcome.text,
            isError: outcome.isError,
            now: place.now()
        )
        let parts = JSONObject(members: [.init(key: "parts", value: TurnReply.json(outcome.parts))])
        let message = outcome.parts.isEmpty ? result : TranscriptMessage.with(parts, result)
        try append(.toolResult(round: round, call: index), message, sync: false)
    }

    /// The answer. A disk that will not take it costs the history, not the answer.
    func reply(_ answer: AnswerReading) async throws(DiskError) -> HubTurnDone {
        if answer.text.trimmed().isEmpty {
            if answer.finished?.stopReason == "refusal" {
                return try await fail(FailureSentence.refused, cause: "refusal")
            }
            if answer.stopReason == "length" { return try await fail(FailureSentence.cutShort, cause: "max_tokens") }
        }
        let whole = joined([textSoFar, answer.text])
        var reply = composed(whole)
        do throws(DiskError) {
            let message = assistant(answer.blocks, answer, stopReason: answer.stopReason)
            try append(.reply, TranscriptMessage.with(reply.json(besides: whole), message), sync: true)
            try await finish(isAborted: false)
        } catch {
            place.log.error("the answer of turn \(turn.turnID) is sent but not saved: \(error)")
            reply.text = joined([reply.text, "(\(error.sentence))"])
            return done(.ok, reply, stopReason: answer.finished?.stopReason ?? "", cause: error.description)
        }
        return done(.ok, reply, stopReason: answer.finished?.stopReason ?? "end_turn", cause: "")
    }

    private func composed(_ answer: String) -> TurnReply {
        let isChannel = !turn.channel.isEmpty && turn.channel != "webchat"
        return TurnReply(
            answer,
            parts: collected,
            turn: turn,
            files: isChannel ? place.outbound : nil,
            refused: { [place, turn] refusal in
                place.log.warning("a file of the answer to turn \(turn.turnID) is not sent: \(refusal)")
            }
        )
    }

    /// No answer: the sentence is what the person is told, and what a later attempt will tell again.
    func fail(_ sentence: String, cause: String) async throws(DiskError) -> HubTurnDone {
        let message = TranscriptMessage.assistant(
            content: [TranscriptMessage.textBlock(sentence)],
            model: model,
            usage: TokenUsage(),
            stopReason: "error",
            error: cause.prefix(bytes: 2000),
            now: place.now()
        )
        try append(.reply, message, sync: true)
        try await finish(isAborted: false)
        return done(.error, TurnReply(text: sentence, parts: collected), stopReason: "error", cause: cause)
    }

    /// Interrupted: what was written so far stays, marked.
    func abort(_ partial: String, reason: String) async throws(DiskError) -> HubTurnDone {
        let text = joined([textSoFar, partial])
        let message = TranscriptMessage.assistant(
            content: partial.isEmpty ? [] : [TranscriptMessage.textBlock(partial)],
            model: model,
            usage: TokenUsage(),
            stopReason: "aborted",
            error: reason,
            now: place.now()
        )
        try append(.reply, message, sync: true)
        try await finish(isAborted: true)
        return done(.aborted, TurnReply(text: text), stopReason: reason, cause: "")
    }

    /// A command and its answer, in one write; the model is shown neither.
    func answerCommand(_ answer: String) async throws(DiskError) -> HubTurnDone {
        let message = TranscriptMessage.assistant(
            content: [TranscriptMessage.textBlock(answer)],
            model: "\(TranscriptMessage.ownProvider)/\(TranscriptMessage.commandModel)",
            usage: TokenUsage(),
            stopReason: "stop",
            now: place.now()
        )
        try begin()
        try append(.reply, message, sync: true)
        return done(.ok, TurnReply(text: answer), stopReason: Self.injected, cause: "")
    }

    /// What clients know an answer by that no model made.
    static let injected = "injected"

    private func assistant(_ content: [JSON], _ answer: AnswerReading, stopReason: String) -> JSON {
        TranscriptMessage.assistant(
            content: content,
            model: model,
            usage: TokenUsage(answer.finished?.usage ?? HubUsage()),
            stopReason: stopReason,
            now: place.now()
        )
    }

    @discardableResult
    private func append(_ part: EntryID.Part, _ message: JSON, sync: Bool) throws(DiskError) -> TranscriptEntry {
        let now = place.now()
        let entry = TranscriptMessage.entry(
            id: EntryID.derive(turn: turn.turnID, part),
            parent: lastID,
            message: message,
            now: now
        )
        place.reach("transcript.before-write")
        switch try transcript.append([entry], sync: sync, now: now) {
        case .none: break
        case .lineFeed: place.log.info("\(transcript.path): the last line lacked its line feed")
        case .torn(let bytes):
            place.log.warning("\(transcript.path): a crash tore the last line; its \(bytes) bytes were taken away")
        }
        place.reach("transcript.after-write")
        own.append(entry)
        lastID = entry.id
        return entry
    }

    private func finish(isAborted: Bool) async throws(DiskError) {
        let usages = usages
        let (place, model, sessionID) = (place, model, transcript.sessionID)
        try await place.store.update(key) { entry in
            SessionEntry.finish(
                &entry,
                sessionID: sessionID,
                model: model,
                contextTokens: place.contextTokens,
                usage: usages.reduce(TokenUsage(), +),
                lastCall: usages.last { $0.total > 0 } ?? TokenUsage(),
                isAborted: isAborted,
                now: place.now()
            )
        }
    }

    private func done(
        _ status: HubTurnDone.Status,
        _ reply: TurnReply,
        stopReason: String,
        cause: String
    ) -> HubTurnDone {
        var done = HubTurnDone()
        done.turnID = turn.turnID
        done.status = status
        done.text = reply.text
        done.parts = reply.parts
        done.replyTo = reply.replyTo
        done.cause = cause
        done.usage = usages.reduce(TokenUsage(), +).message
        done.stopReason = stopReason
        done.model = model
        return done
    }

    private static func hubStopReason(_ reply: TranscriptEntry) -> String {
        if reply.isCommandReply { return injected }
        return reply.stopReason == "length" ? "max_tokens" : "end_turn"
    }
}
