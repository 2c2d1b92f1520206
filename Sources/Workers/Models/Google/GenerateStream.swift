internal import Failover
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// From the parts of a generated content to the hub's model events.
///
/// The stream has no mark at its end: whole is an answer whose candidate gave a `finishReason`, or whose prompt was blocked.
struct GenerateStream: AnswerReader {
    var draft: AnswerDraft
    private let owner: String

    init(_ call: ModelCall, owner: String) {
        self.owner = owner
        draft = AnswerDraft(call)
    }

    mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
        let data = try event.json()
        if ErrorBody.isError(data) { throw event.failure(data) }
        return try take(data)
    }

    /// Without `alt=sse` the stream is one array.
    mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent] {
        var events: [HubModelEvent] = []
        for part in whole.array ?? [whole] {
            if ErrorBody.isError(part) { throw ServerEvent(data: []).failure(part) }
            events += try take(part)
        }
        return events
    }

    private mutating func take(_ data: JSON) throws(CallFailure) -> [HubModelEvent] {
        draft.named(data["modelVersion"]?.string)
        merge(data["usageMetadata"])
        if let reason = data["promptFeedback"]?["blockReason"]?.string {
            throw CallFailure(.refused, "in the stream · the prompt was blocked: \(reason.prefix(80))", status: 200)
        }
        guard let candidates = data["candidates"]?.array else {
            if data["usageMetadata"] == nil { draft.skippedEvents += 1 }
            return []
        }
        var events: [HubModelEvent] = []
        for candidate in candidates where (candidate["index"]?.integer ?? 0) == 0 {
            for part in candidate["content"]?["parts"]?.array ?? [] { events += try take(part: part) }
            if let reason = candidate["finishReason"]?.string, !reason.isEmpty {
                try finish(reason, candidate["finishMessage"]?.string ?? "")
            }
        }
        return events
    }

    private mutating func take(part: JSON) throws(CallFailure) -> [HubModelEvent] {
        var events: [HubModelEvent] = []
        let signature = part["thoughtSignature"]?.string ?? ""
        if let call = part["functionCall"], call.object != nil {
            let slot = Int64(draft.callCount)
            try draft.call(slot: slot, id: call["id"]?.string ?? "", name: call["name"]?.string ?? "")
            if let arguments = call["args"], arguments.object != nil {
                try draft.setArguments(slot: slot, arguments.encoded())
            }
            if !signature.isEmpty, let id = draft.callID(slot: slot) {
                events += try opaque(["call": .string(id), "thoughtSignature": .string(signature)], signature)
            }
            return events
        }
        if let text = part["text"]?.string {
            events += part["thought"] == true ? draft.thinking(text) : draft.text(text)
        } else if part["thought"] == nil, signature.isEmpty {
            // Pictures, code that ran: nothing of ours can show them.
            draft.skippedEvents += 1
        }
        if !signature.isEmpty { events += try opaque(["thoughtSignature": .string(signature)], signature) }
        return events
    }

    private mutating func opaque(_ block: JSON, _ signature: String) throws(CallFailure) -> [HubModelEvent] {
        try draft.hold(signature.utf8.count, whole: signature.utf8.count, "a signature")
        return draft.opaque(OpaqueBlock(dialect: owner, block: block))
    }

    private mutating func finish(_ reason: String, _ message: String) throws(CallFailure) {
        switch reason {
        case "STOP", "FINISH_REASON_UNSPECIFIED": if draft.stopReason.isEmpty { draft.stopReason = "end_turn" }
        case "MAX_TOKENS": draft.stopReason = "max_tokens"
        case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "JAILBREAK":
            draft.stopReason = "refusal"
        // The model made something that is no answer; asked again it may do better.
        case "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE":
            throw CallFailure(.transient, "in the stream · finishReason \(reason) \(message.prefix(200))", status: 200)
        default: if draft.stopReason.isEmpty { draft.stopReason = "end_turn" }
        }
        draft.isFinished = true
    }

    /// Cumulative: the last one counts. The prompt's count holds what was cached, the candidates' not what was thought.
    private mutating func merge(_ usage: JSON?) {
        guard let usage, let prompt = usage["promptTokenCount"]?.tokens else { return }
        let tools = usage["toolUsePromptTokenCount"]?.tokens ?? 0
        let cached = min(prompt, usage["cachedContentTokenCount"]?.tokens ?? 0)
        let thought = usage["thoughtsTokenCount"]?.tokens
        let said = usage["candidatesTokenCount"]?.tokens
        let (input, _) = (prompt - cached).addingReportingOverflow(tools)
        let output =
            said == nil && thought == nil ? nil : (said ?? 0).addingReportingOverflow(thought ?? 0).partialValue
        draft.count(input: input, output: output, cacheRead: cached, reasoning: thought)
    }
}
