internal import Failover
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// From the chunks of a chat completion to the hub's model events.
///
/// Written for what hosts really send: calls without an index, ids that repeat or are missing, arguments as an object, counts in
/// the last chunk, in every chunk or in one of their own behind it, no `[DONE]`. Whole is an answer that gave a
/// `finish_reason` or `[DONE]`.
struct ChatStream: AnswerReader {
    var draft: AnswerDraft
    private let owner: String
    private var calls = ChatCallSlots()
    /// What the model thought, under the name that the host has for it: given back within a tool loop.
    private var thought = ""
    private var thoughtField = ""
    private var details: [JSON] = []
    private var hasEnded = false

    init(_ call: ModelCall, owner: String) {
        self.owner = owner
        draft = AnswerDraft(call)
    }

    mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
        if event.data.elementsEqual("[DONE]".utf8) {
            (draft.isFinished, draft.isOver) = (true, true)
            return []
        }
        let chunk = try event.json()
        if event.name == "error" || ErrorBody.isError(chunk) { throw event.failure(chunk) }
        return try take(chunk: chunk, part: "delta", event)
    }

    mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent] {
        guard whole["choices"]?.array?.first?["message"]?.object != nil else {
            throw CallFailure(.cut, "the answer is no chat completion")
        }
        let events = try take(chunk: whole, part: "message", ServerEvent(data: []))
        (draft.isFinished, draft.isOver) = (true, true)
        return events
    }

    /// `part` is where the answer stands in a choice.
    private mutating func take(chunk: JSON, part: String, _ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
        draft.named(chunk["model"]?.string)
        merge(chunk["usage"])
        merge(chunk["x_groq"]?["usage"])
        guard let choices = chunk["choices"]?.array else {
            if chunk["usage"] == nil { draft.skippedEvents += 1 }
            return []
        }
        var events: [HubModelEvent] = []
        // Only one answer was asked for.
        for choice in choices where (choice["index"]?.integer ?? 0) == 0 {
            merge(choice["usage"])
            if let delta = choice[part] { events += try take(delta: delta) }
            if let reason = choice["finish_reason"]?.string, !reason.isEmpty { try finish(reason, choice, event) }
        }
        return events
    }

    private mutating func take(delta: JSON) throws(CallFailure) -> [HubModelEvent] {
        var events: [HubModelEvent] = []
        // OpenRouter sends the same thoughts under two names.
        for field in ["reasoning_content", "reasoning"] {
            guard let text = delta[field]?.string, !text.isEmpty else { continue }
            try draft.hold(text.utf8.count, whole: thought.utf8.count + text.utf8.count, "a thinking block")
            thought += text
            thoughtField = field
            events += draft.thinking(text)
            break
        }
        for detail in delta["reasoning_details"]?.array ?? [] {
            let size = detail.encoded().count
            try draft.hold(size, whole: size, "a thinking block")
            draft.begins()
            if details.count < AnswerDraft.blockCountLimit { details.append(detail) }
        }
        if let text = delta["content"]?.string {
            events += draft.text(text)
        } else {
            for part in delta["content"]?.array ?? [] { events += take(part: part) }
        }
        if let refusal = delta["refusal"]?.string, !refusal.isEmpty {
            events += draft.text(refusal)
            draft.stopReason = "refusal"
        }
        for call in delta["tool_calls"]?.array ?? [] { try calls.take(call, into: &draft) }
        if let call = delta["function_call"], call.object != nil {
            try calls.take(["index": -1, "function": call], into: &draft)
        }
        return events
    }

    /// Mistral's thinking models answer in parts.
    private mutating func take(part: JSON) -> [HubModelEvent] {
        switch part["type"]?.string {
        case "text": draft.text(part["text"]?.string ?? "")
        case "thinking":
            (part["thinking"]?.array ?? []).flatMap { draft.thinking($0["text"]?.string ?? "") }
        default: []
        }
    }

    private mutating func finish(_ reason: String, _ choice: JSON, _ event: ServerEvent) throws(CallFailure) {
        switch reason {
        case "error", "network_error":
            // OpenRouter: the words stand beside it, if there are any.
            if ErrorBody.isError(choice) { throw event.failure(choice) }
            let native = choice["native_finish_reason"]?.string ?? ""
            throw CallFailure(
                .transient,
                "the answer ended with finish_reason \(reason) \(native.prefix(80))",
                status: 200
            )
        case "insufficient_system_resource": throw CallFailure(.overloaded, "in the stream · \(reason)", status: 200)
        case "length", "max_tokens", "model_length", "model_context_window_exceeded": draft.stopReason = "max_tokens"
        case "content_filter", "sensitive", "refusal": draft.stopReason = "refusal"
        case "tool_calls", "function_call": draft.stopReason = "tool_use"
        default: if draft.stopReason.isEmpty { draft.stopReason = "end_turn" }
        }
        draft.isFinished = true
    }

    mutating func end() throws(CallFailure) -> [HubModelEvent] {
        var events = try draft.end()
        guard !hasEnded, draft.callCount > 0 else { return events }
        hasEnded = true
        var block = JSONObject()
        if !details.isEmpty {
            block["reasoning_details"] = .array(details)
        } else if thoughtField == "reasoning_content" {
            block["reasoning_content"] = .string(thought)
        }
        if !block.members.isEmpty {
            events = draft.opaque(OpaqueBlock(dialect: owner, block: .object(block))) + events
        }
        return events
    }

    /// Input counts what came from a cache, the hub's does not. The last counts stand, whatever chunk they came in.
    private mutating func merge(_ usage: JSON?) {
        guard let usage, let prompt = usage["prompt_tokens"]?.tokens else { return }
        let details = usage["prompt_tokens_details"]
        let cached = details?["cached_tokens"]?.tokens ?? usage["prompt_cache_hit_tokens"]?.tokens ?? 0
        let written = details?["cache_write_tokens"]?.tokens ?? 0
        let kept = min(prompt, cached)
        let stored = min(prompt - kept, written)
        draft.count(
            input: prompt - kept - stored,
            output: usage["completion_tokens"]?.tokens,
            cacheRead: kept,
            cacheWrite: stored,
            reasoning: usage["completion_tokens_details"]?["reasoning_tokens"]?.tokens
        )
    }
}
