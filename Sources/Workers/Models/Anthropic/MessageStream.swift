internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// From the events of a Messages stream to the hub's model events.
///
/// Text goes on at once. Thinking goes on as the provider's own JSON when its block is complete, tool calls at the very
/// end: only `stop_reason` tells whether the last one is whole.
struct MessageStream {
    /// Longest arguments of one tool call, and longest thinking block: both must fit into a frame of the hub.
    static let blockLimit = 256 * 1024
    static let blockCountLimit = 512
    /// Most bytes of tool calls and thinking in one answer.
    static let heldLimit = 4 * 1024 * 1024
    /// Longest text in one event.
    static let textLimit = 256 * 1024

    private enum Block {
        case text
        case toolUse(id: String, name: String, input: [UInt8])
        case thinking(text: String, signature: String)
        case whole(JSON)
        case unknown
    }

    private var blocks: [Int64: Block] = [:]
    private var toolUses: [HubModelBlock.ToolUse] = []
    private var usage = HubUsage()
    private var model = ""
    private var stopReason = ""
    private var startedBlocks = 0
    private var heldBytes = 0
    /// `message_stop` has come: the answer is whole.
    private(set) var isFinished = false

    /// What an event means for the agent. Throws what the provider reports, and what breaks a bound.
    mutating func take(_ event: ServerEvent) throws(Failure) -> [HubModelEvent] {
        guard let data = try? JSON(parsing: event.data) else {
            throw Failure(
                .cut,
                "an event of the stream is not JSON: \(String(decoding: event.data.prefix(120), as: UTF8.self))",
                isTransient: true
            )
        }
        switch data["type"]?.string ?? event.name {
        case "message_start": start(data["message"])
        case "content_block_start": return try startBlock(data)
        case "content_block_delta": return try delta(data)
        case "content_block_stop": return stopBlock(data)
        case "message_delta":
            stopReason = data["delta"]?["stop_reason"]?.string ?? stopReason
            merge(data["usage"])
        case "message_stop": return finish()
        case "error": throw ErrorClassification.classify(status: 200, body: event.data)
        // `ping`, and what may be added to the API.
        default: break
        }
        return []
    }

    private mutating func start(_ message: JSON?) {
        // One fixture of the field holds a second one: the first counts.
        guard model.isEmpty else { return }
        model = message?["model"]?.string ?? ""
        merge(message?["usage"])
    }

    private mutating func startBlock(_ data: JSON) throws(Failure) -> [HubModelEvent] {
        let index = data["index"]?.integer ?? -1
        startedBlocks += 1
        guard startedBlocks <= Self.blockCountLimit else {
            throw Failure(.cut, "the answer has more than \(Self.blockCountLimit) blocks")
        }
        let content = data["content_block"]
        switch content?["type"]?.string {
        case "text":
            blocks[index] = .text
            return text(content?["text"]?.string ?? "")
        case "tool_use":
            let id = content?["id"]?.string ?? ""
            // Some servers send the arguments whole and no deltas.
            let input = content?["input"].flatMap { $0.object?.members.isEmpty == false ? $0.encoded() : nil } ?? []
            try hold(input.count, whole: input.count, "the arguments of a tool call")
            blocks[index] = .toolUse(id: id, name: content?["name"]?.string ?? "", input: input)
        case "thinking":
            blocks[index] = .thinking(
                text: content?["thinking"]?.string ?? "",
                signature: content?["signature"]?.string ?? ""
            )
        case "redacted_thinking": blocks[index] = content.map { .whole($0) } ?? .unknown
        default: blocks[index] = .unknown
        }
        return []
    }

    private mutating func delta(_ data: JSON) throws(Failure) -> [HubModelEvent] {
        let index = data["index"]?.integer ?? -1
        let delta = data["delta"]
        switch (delta?["type"]?.string, blocks[index]) {
        case ("text_delta"?, _): return text(delta?["text"]?.string ?? "")
        case ("input_json_delta"?, .toolUse(let id, let name, var input)?):
            // The one reference must be the local one, or every piece copies all of what came before.
            blocks[index] = .unknown
            let added = delta?["partial_json"]?.string ?? ""
            input.append(contentsOf: added.utf8)
            try hold(added.utf8.count, whole: input.count, "the arguments of a tool call")
            blocks[index] = .toolUse(id: id, name: name, input: input)
        case ("thinking_delta"?, .thinking(var text, let signature)?):
            blocks[index] = .unknown
            let added = delta?["thinking"]?.string ?? ""
            text += added
            try hold(added.utf8.count, whole: text.utf8.count, "a thinking block")
            blocks[index] = .thinking(text: text, signature: signature)
        case ("signature_delta"?, .thinking(let text, let signature)?):
            let added = delta?["signature"]?.string ?? ""
            let whole = signature + added
            try hold(added.utf8.count, whole: whole.utf8.count, "a signature")
            blocks[index] = .thinking(text: text, signature: whole)
        default: break
        }
        return []
    }

    private mutating func stopBlock(_ data: JSON) -> [HubModelEvent] {
        switch blocks.removeValue(forKey: data["index"]?.integer ?? -1) {
        case .toolUse(let id, let name, let input)?:
            var use = HubModelBlock.ToolUse()
            use.id = id
            use.name = name
            use.input = Data(input.isEmpty ? Array("{}".utf8) : input)
            toolUses.append(use)
            return []
        case .thinking(let text, let signature)?:
            return [Self.opaque(["type": "thinking", "thinking": .string(text), "signature": .string(signature)])]
        case .whole(let block)?:
            // One that does not fit into a frame is left out: the provider then thinks anew.
            return block.encoded().count <= 2 * Self.blockLimit ? [Self.opaque(block)] : []
        case .text?, .unknown?, nil: return []
        }
    }

    private mutating func finish() -> [HubModelEvent] {
        guard !isFinished else { return [] }
        isFinished = true
        var reason = Self.stopReason(stopReason)
        if reason == "max_tokens" {
            // Cut in the middle of its arguments: no call that can be made.
            toolUses.removeAll { (try? JSON(parsing: $0.input))?.object == nil }
        }
        var events = toolUses.map { use in
            var event = HubModelEvent()
            event.toolUse = use
            return event
        }
        if !toolUses.isEmpty, reason == "end_turn" { reason = "tool_use" }
        var event = HubModelEvent()
        event.finished.stopReason = reason
        event.finished.usage = usage
        event.finished.model = model
        events.append(event)
        return events
    }

    private func text(_ text: String) -> [HubModelEvent] {
        guard !text.isEmpty else { return [] }
        return Self.pieces(text).map { piece in
            var event = HubModelEvent()
            event.text = piece
            return event
        }
    }

    private static func pieces(_ text: String) -> [String] {
        guard text.utf8.count > textLimit else { return [text] }
        var pieces: [String] = []
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            // A scalar has at most four bytes.
            pieces.append(String(String.UnicodeScalarView(rest.prefix(textLimit / 4))))
            rest = rest.dropFirst(textLimit / 4)
        }
        return pieces
    }

    private static func opaque(_ json: JSON) -> HubModelEvent {
        var event = HubModelEvent()
        event.opaque = Data(json.encoded())
        return event
    }

    /// Counts bytes that are kept until their block is complete.
    private mutating func hold(_ added: Int, whole: Int, _ what: String) throws(Failure) {
        heldBytes += added
        guard whole <= Self.blockLimit else { throw Failure(.cut, "\(what) is longer than \(Self.blockLimit) bytes") }
        guard heldBytes <= Self.heldLimit else {
            throw Failure(.cut, "tool calls and thinking are longer than \(Self.heldLimit) bytes")
        }
    }

    /// Field by field, the last one counts; what is absent or null changes nothing.
    private mutating func merge(_ json: JSON?) {
        func count(_ key: String) -> UInt64? { json?[key]?.integer.flatMap { UInt64(exactly: $0) } }
        usage.input = count("input_tokens") ?? usage.input
        usage.output = count("output_tokens") ?? usage.output
        usage.cacheRead = count("cache_read_input_tokens") ?? usage.cacheRead
        usage.cacheWrite = count("cache_creation_input_tokens") ?? usage.cacheWrite
    }

    private static func stopReason(_ reason: String) -> String {
        switch reason {
        case "max_tokens", "model_context_window_exceeded": "max_tokens"
        case "tool_use", "stop_sequence", "refusal": reason
        default: "end_turn"
        }
    }
}
