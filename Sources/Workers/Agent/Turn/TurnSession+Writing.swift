internal import IPCHub
internal import Logging
internal import Runtime

/// The entries that a turn writes.
extension TurnSession {
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

    func assistant(_ content: [JSON], _ answer: AnswerReading, stopReason: String) -> JSON {
        TranscriptMessage.assistant(
            content: content,
            model: model,
            usage: TokenUsage(answer.finished?.usage ?? HubUsage()),
            stopReason: stopReason,
            now: place.now()
        )
    }

    @discardableResult
    func append(_ part: EntryID.Part, _ message: JSON, sync: Bool) throws(DiskError) -> TranscriptEntry {
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

    func finish(isAborted: Bool) async throws(DiskError) {
        let usages = usages
        let (place, model, sessionID, fallback) = (place, model, transcript.sessionID, fallback)
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
            FallbackNotice.store(fallback, &entry)
        }
    }

    func done(
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

    static func hubStopReason(_ reply: TranscriptEntry) -> String {
        if reply.isCommandReply { return injected }
        return reply.stopReason == "length" ? "max_tokens" : "end_turn"
    }
}
