internal import Failover
internal import FoundationEssentials
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// From the events of a Messages stream to the hub's model events.
///
/// Thinking goes on as the provider's own JSON when its block is complete: it has to be given back unchanged within a tool
/// loop.
struct MessageStream: AnswerReader {
    private enum Block {
        case text
        case toolUse
        case thinking(text: String, signature: String)
        case whole(JSON)
        case unknown
    }

    var draft: AnswerDraft
    private let owner: String
    private var blocks: [Int64: Block] = [:]
    private var hasStarted = false

    init(_ call: ModelCall, owner: String) {
        self.owner = owner
        draft = AnswerDraft(call)
        // Documented: behind tool results the model may end its turn without a word.
        let isBehindResult =
            call.messages.last?.blocks.contains { block in
                if case .toolResult? = block.block { true } else { false }
            } ?? false
        if isBehindResult { draft.mayBeEmpty = true }
    }

    mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
        let data = try event.json()
        switch data["type"]?.string ?? event.name {
        case "message_start": start(data["message"])
        case "content_block_start": return try startBlock(data)
        case "content_block_delta": return try delta(data)
        case "content_block_stop": return stopBlock(data)
        case "message_delta":
            if let reason = data["delta"]?["stop_reason"]?.string { draft.stopReason = Self.stopReason(reason) }
            merge(data["usage"])
        case "message_stop": (draft.isFinished, draft.isOver) = (true, true)
        case "error": throw event.failure(data)
        case "ping": break
        default:
            // Some hosts say what went wrong without the type.
            if ErrorBody.isError(data) { throw event.failure(data) }
            draft.skippedEvents += 1
        }
        return []
    }

    /// A whole message: its blocks as if each came in one piece.
    mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent] {
        guard let content = whole["content"]?.array, whole["stop_reason"]?.string != nil else {
            throw CallFailure(.cut, "the answer is no message")
        }
        start(whole)
        var events: [HubModelEvent] = []
        for (index, block) in content.enumerated() {
            let index = JSON.integer(Int64(index))
            events += try startBlock(["index": index, "content_block": block])
            events += stopBlock(["index": index])
        }
        draft.stopReason = Self.stopReason(whole["stop_reason"]?.string ?? "")
        (draft.isFinished, draft.isOver) = (true, true)
        return events
    }

    private mutating func start(_ message: JSON?) {
        // One fixture of the field holds a second one: the first counts.
        guard !hasStarted else { return }
        hasStarted = true
        draft.named(message?["model"]?.string)
        merge(message?["usage"])
    }

    private mutating func startBlock(_ data: JSON) throws(CallFailure) -> [HubModelEvent] {
        let index = data["index"]?.integer ?? -1
        let content = data["content_block"]
        if content?["type"] != "tool_use" { try draft.block() }
        switch content?["type"]?.string {
        case "text":
            blocks[index] = .text
            return draft.text(content?["text"]?.string ?? "")
        case "tool_use":
            try draft.call(slot: index, id: content?["id"]?.string ?? "", name: content?["name"]?.string ?? "")
            // Some servers send the arguments whole and no deltas.
            if let input = content?["input"], input.object?.members.isEmpty == false {
                try draft.setArguments(slot: index, input.encoded())
            }
            blocks[index] = .toolUse
        case "thinking":
            let text = content?["thinking"]?.string ?? ""
            blocks[index] = .thinking(text: text, signature: content?["signature"]?.string ?? "")
            return draft.thinking(text)
        case "redacted_thinking":
            draft.begins()
            blocks[index] = content.map { .whole($0) } ?? .unknown
        default: blocks[index] = .unknown
        }
        return []
    }

    private mutating func delta(_ data: JSON) throws(CallFailure) -> [HubModelEvent] {
        let index = data["index"]?.integer ?? -1
        let delta = data["delta"]
        switch (delta?["type"]?.string, blocks[index]) {
        case ("text_delta"?, _): return draft.text(delta?["text"]?.string ?? "")
        case ("input_json_delta"?, .toolUse?):
            try draft.arguments(slot: index, delta?["partial_json"]?.string ?? "")
        case ("thinking_delta"?, .thinking(var text, let signature)?):
            // The one reference must be the local one, or every piece copies all of what came before.
            blocks[index] = .unknown
            let added = delta?["thinking"]?.string ?? ""
            text += added
            try draft.hold(added.utf8.count, whole: text.utf8.count, "a thinking block")
            blocks[index] = .thinking(text: text, signature: signature)
            return draft.thinking(added)
        case ("signature_delta"?, .thinking(let text, let signature)?):
            let added = delta?["signature"]?.string ?? ""
            let whole = signature + added
            try draft.hold(added.utf8.count, whole: whole.utf8.count, "a signature")
            blocks[index] = .thinking(text: text, signature: whole)
        default: break
        }
        return []
    }

    private mutating func stopBlock(_ data: JSON) -> [HubModelEvent] {
        switch blocks.removeValue(forKey: data["index"]?.integer ?? -1) {
        case .thinking(let text, let signature)?:
            let block: JSON = ["type": "thinking", "thinking": .string(text), "signature": .string(signature)]
            return draft.opaque(OpaqueBlock(dialect: owner, block: block))
        case .whole(let block)?: return draft.opaque(OpaqueBlock(dialect: owner, block: block))
        case .text?, .toolUse?, .unknown?, nil: return []
        }
    }

    private mutating func merge(_ usage: JSON?) {
        draft.count(
            input: usage?["input_tokens"]?.tokens,
            output: usage?["output_tokens"]?.tokens,
            cacheRead: usage?["cache_read_input_tokens"]?.tokens,
            cacheWrite: usage?["cache_creation_input_tokens"]?.tokens,
            reasoning: usage?["output_tokens_details"]?["thinking_tokens"]?.tokens
                ?? usage?["output_tokens_details"]?["reasoning_tokens"]?.tokens
        )
    }

    private static func stopReason(_ reason: String) -> String {
        switch reason {
        case "max_tokens", "model_context_window_exceeded": "max_tokens"
        case "tool_use", "stop_sequence", "refusal": reason
        default: "end_turn"
        }
    }
}
