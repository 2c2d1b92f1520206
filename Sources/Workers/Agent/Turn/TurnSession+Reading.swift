internal import IPCHub
internal import Runtime

/// What a turn finds in its session.
extension TurnSession {
    /// What an earlier attempt has told already, word for word.
    func finished() -> HubTurnDone? {
        guard let reply = entry(.reply) else { return nil }
        let error = reply.message?["errorMessage"]?.string ?? ""
        let own = reply.message?[TranscriptMessage.own]
        let whole = joined([textSoFar, reply.text])
        return switch reply.stopReason {
        case "error":
            done(
                .error,
                TurnReply(text: own?["sent"]?.string ?? reply.text, parts: collected),
                stopReason: "error",
                cause: error
            )
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

    var roundEntries: [TranscriptEntry] {
        var entries: [TranscriptEntry] = []
        while let next = entry(.round(entries.count)) { entries.append(next) }
        return entries
    }

    /// What the rounds so far have said.
    var textSoFar: String { joined(roundEntries.map(\.text)) }

    func joined(_ texts: [String]) -> String { texts.filter { !$0.isEmpty }.joined(separator: "\n\n") }

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
    var collected: [HubOutgoing] {
        own.filter { $0.role == "toolResult" }.flatMap { TurnReply.parts($0.message?[TranscriptMessage.own]?["parts"]) }
    }

    var usages: [TokenUsage] {
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
            collected: collected.count,
            collectedBytes: TurnReply.size(collected)
        )
    }
}
