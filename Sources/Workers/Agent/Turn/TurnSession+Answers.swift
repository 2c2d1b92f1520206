internal import IPCHub
internal import Logging
internal import Runtime

/// The ways in which a turn ends.
extension TurnSession {
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
        // Said to nobody: the next answer says it.
        if reply.text.isEmpty, fallback != nil { fallback = toldFallback }
        reply.text = withNotices(reply.text)
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

    /// What a person is told in front of the answer: the gateway's notice, and once per change that another model answers.
    /// Not in front of silence.
    private func withNotices(_ text: String) -> String {
        guard !text.isEmpty else { return text }
        let isNews = fallback.map { !$0.isKnown(to: toldFallback) } ?? false
        return joined([turn.notice.cut(toBytes: 1000), isNews ? fallback?.sentence ?? "" : "", text])
    }

    /// A part of an answer whose rest never came: it stays, and is said to be a part.
    func failPartial(_ partial: String, _ sentence: String, cause: String) async throws(DiskError) -> HubTurnDone {
        let sent = withNotices(joined([textSoFar, partial, sentence])).cut(toBytes: TurnReply.textLimit)
        let message = TranscriptMessage.assistant(
            content: [TranscriptMessage.textBlock(partial), TranscriptMessage.textBlock(sentence)],
            model: model,
            usage: TokenUsage(),
            stopReason: "error",
            error: cause.prefix(bytes: 2000),
            now: place.now()
        )
        let own = JSONObject(members: [
            .init(key: "sent", value: .string(sent)), .init(key: "partial", value: .string(partial)),
        ])
        try append(.reply, TranscriptMessage.with(own, message), sync: true)
        try await finish(isAborted: false)
        return done(.error, TurnReply(text: sent, parts: collected), stopReason: "error", cause: cause)
    }

    /// No answer: the sentence is what the person is told, and what a later attempt will tell again.
    func fail(_ sentence: String, cause: String) async throws(DiskError) -> HubTurnDone {
        fallback = toldFallback
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
        fallback = toldFallback
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
}
