internal import Failover
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// From the events of the Responses API to the hub's model events.
///
/// `response.completed` and `response.incomplete` are the only signs of a whole answer; `response.failed` and `error` come after
/// HTTP 200, some of them (an empty wallet) before any content.
struct ResponsesStream: AnswerReader {
    var draft: AnswerDraft
    private let owner: String
    /// Parts of the output whose text came piece by piece.
    private var streamed: Set<Int64> = []

    init(_ call: ModelCall, owner: String) {
        self.owner = owner
        draft = AnswerDraft(call)
    }

    mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
        // Some hosts end with it, after the end.
        if event.data.elementsEqual("[DONE]".utf8) { return [] }
        let data = try event.json()
        let index = data["output_index"]?.integer ?? -1
        switch data["type"]?.string ?? event.name {
        case "response.created", "response.in_progress", "response.queued":
            draft.named(data["response"]?["model"]?.string)
        case "response.output_item.added": try begin(data["item"], index)
        case "response.output_item.done": return try complete(data["item"], index)
        case "response.output_text.delta":
            try stream(index)
            return draft.text(data["delta"]?.string ?? "")
        case "response.refusal.delta":
            try stream(index)
            draft.stopReason = "refusal"
            return draft.text(data["delta"]?.string ?? "")
        case "response.function_call_arguments.delta":
            try draft.arguments(slot: index, data["delta"]?.string ?? "")
        case "response.function_call_arguments.done":
            if let whole = data["arguments"]?.string { try draft.setArguments(slot: index, Array(whole.utf8)) }
        case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
            return draft.thinking(data["delta"]?.string ?? "")
        case "response.reasoning_summary_part.added": draft.begins()
        case "response.completed", "response.done": return try finish(data["response"], reason: "")
        case "response.incomplete":
            let reason = data["response"]?["incomplete_details"]?["reason"]?.string ?? ""
            return try finish(data["response"], reason: reason == "content_filter" ? "refusal" : "max_tokens")
        case "response.failed":
            merge(data["response"]?["usage"])
            throw event.failure(data)
        case "error": throw event.failure(data)
        case "response.content_part.added", "response.content_part.done", "response.output_text.done",
            "response.refusal.done", "response.reasoning_summary_part.done", "response.reasoning_summary_text.done",
            "response.reasoning_text.done", "response.output_text.annotation.added", "keepalive":
            break
        default:
            if ErrorBody.isError(data) { throw event.failure(data) }
            draft.skippedEvents += 1
        }
        return []
    }

    mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent] {
        guard whole["output"]?.array != nil else { throw CallFailure(.cut, "the answer is no response") }
        switch whole["status"]?.string {
        case "failed", "cancelled": throw ServerEvent(data: []).failure(["response": whole])
        case "incomplete":
            let reason = whole["incomplete_details"]?["reason"]?.string ?? ""
            return try finish(whole, reason: reason == "content_filter" ? "refusal" : "max_tokens")
        default: return try finish(whole, reason: "")
        }
    }

    /// This part's text comes piece by piece.
    private mutating func stream(_ index: Int64) throws(CallFailure) {
        guard streamed.insert(index).inserted, streamed.count > AnswerDraft.blockCountLimit else { return }
        throw CallFailure(.cut, "the answer has more than \(AnswerDraft.blockCountLimit) blocks")
    }

    private mutating func begin(_ item: JSON?, _ index: Int64) throws(CallFailure) {
        switch item?["type"]?.string {
        case "function_call":
            try draft.call(slot: index, id: item?["call_id"]?.string ?? "", name: item?["name"]?.string ?? "")
            if let arguments = item?["arguments"]?.string, !arguments.isEmpty {
                try draft.arguments(slot: index, arguments)
            }
        // Encrypted thoughts are whole only when the item is done.
        case "reasoning":
            try draft.block()
            draft.begins()
        default: try draft.block()
        }
    }

    private mutating func complete(_ item: JSON?, _ index: Int64) throws(CallFailure) -> [HubModelEvent] {
        guard let item else { return [] }
        switch item["type"]?.string {
        case "function_call":
            if !draft.hasCall(slot: index) { try begin(item, index) }
            if let whole = item["arguments"]?.string, !whole.isEmpty {
                try draft.setArguments(slot: index, Array(whole.utf8))
            }
            return []
        case "reasoning":
            guard let encrypted = item["encrypted_content"]?.string, !encrypted.isEmpty else { return [] }
            try draft.hold(encrypted.utf8.count, whole: 0, "a thinking block")
            return draft.opaque(OpaqueBlock(dialect: owner, block: item))
        case "message":
            guard !streamed.contains(index) else { return [] }
            try stream(index)
            var events: [HubModelEvent] = []
            for part in item["content"]?.array ?? [] {
                if let refusal = part["refusal"]?.string {
                    draft.stopReason = "refusal"
                    events += draft.text(refusal)
                } else {
                    events += draft.text(part["text"]?.string ?? "")
                }
            }
            return events
        default: return []
        }
    }

    private mutating func finish(_ response: JSON?, reason: String) throws(CallFailure) -> [HubModelEvent] {
        draft.named(response?["model"]?.string)
        merge(response?["usage"])
        var events: [HubModelEvent] = []
        // A host that streams nothing but the end.
        if !draft.hasContent {
            for (index, item) in (response?["output"]?.array ?? []).prefix(AnswerDraft.blockCountLimit).enumerated()
            where !draft.hasBegun || item["type"] != "reasoning" {
                events += try complete(item, Int64(index))
            }
        }
        if !reason.isEmpty { draft.stopReason = reason }
        (draft.isFinished, draft.isOver) = (true, true)
        return events
    }

    private mutating func merge(_ usage: JSON?) {
        guard let usage, let input = usage["input_tokens"]?.tokens else { return }
        let details = usage["input_tokens_details"]
        let kept = min(input, details?["cached_tokens"]?.tokens ?? 0)
        let stored = min(input - kept, details?["cache_write_tokens"]?.tokens ?? 0)
        draft.count(
            input: input - kept - stored,
            output: usage["output_tokens"]?.tokens,
            cacheRead: kept,
            cacheWrite: stored,
            reasoning: usage["output_tokens_details"]?["reasoning_tokens"]?.tokens
        )
    }
}
