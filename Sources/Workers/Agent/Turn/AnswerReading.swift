internal import IPCHub
internal import Runtime

/// Gathers one answer of a model from its events. Bounded: a model that never ends is ended.
struct AnswerReading: Sendable {
    /// Longest text of one answer.
    static let textLimit = 512 * 1024
    /// Most bytes of tool arguments and opaque blocks together.
    static let otherLimit = 1024 * 1024

    /// What an event means for the turn.
    enum Step: Equatable {
        case text(String)
        case more
        /// The answer is complete, or has failed; nothing further is read.
        case over
    }

    /// A tool call as the model made it.
    struct ToolUse: Equatable, Sendable {
        var id: String
        var name: String
        var arguments: JSON
        /// Why the arguments are no JSON object; the model is told.
        var malformed: String?
    }

    private(set) var text = ""
    private(set) var toolUses: [ToolUse] = []
    private var closed: [JSON] = []
    /// The text block at the end, which still grows: in a block each word would copy all of it.
    private var open = ""
    private(set) var finished: HubModelEvent.Finished?
    private(set) var failed: HubModelEvent.Failed?
    private var otherBytes = 0

    /// Content blocks in the transcript's shape, tool calls left out.
    var blocks: [JSON] { open.isEmpty ? closed : closed + [TranscriptMessage.textBlock(open)] }

    /// Whether anything of the answer has come.
    var isEmpty: Bool { text.isEmpty && toolUses.isEmpty }

    mutating func take(_ event: HubModelEvent) -> Step {
        switch event.event {
        case .text(let added)?: return take(text: added)
        case .toolUse(let use)?:
            otherBytes += use.input.count
            guard otherBytes <= Self.otherLimit, toolUses.count < ToolRun.callsPerRound else {
                return end("max_tokens")
            }
            toolUses.append(Self.toolUse(use))
            return .more
        case .opaque(let data)?:
            otherBytes += data.count
            guard otherBytes <= Self.otherLimit else { return end("max_tokens") }
            if let raw = try? JSON(parsing: data) {
                closed = blocks + [Self.thinking(raw)]
                open = ""
            }
            return .more
        // For who may see it; a chat may not.
        case .thinking?: return .more
        case .finished(let end)?:
            finished = end
            return .over
        case .failed(let failure)?:
            failed = failure
            return .over
        case nil: return .more
        }
    }

    private mutating func take(text added: String) -> Step {
        guard !added.isEmpty else { return .more }
        let room = Self.textLimit - text.utf8.count
        let taken = added.prefix(bytes: room)
        text += taken
        open += taken
        if taken.utf8.count < added.utf8.count { return end("max_tokens") }
        return .text(taken)
    }

    /// The bound is reached: the answer ends here as if the model had been cut off at its own limit.
    private mutating func end(_ reason: String) -> Step {
        var finished = HubModelEvent.Finished()
        finished.stopReason = reason
        self.finished = finished
        return .over
    }

    private static func toolUse(_ use: HubModelBlock.ToolUse) -> ToolUse {
        let input = use.input.isEmpty ? .object(JSONObject()) : try? JSON(parsing: use.input)
        guard case .object? = input, let input else {
            return ToolUse(id: use.id, name: use.name, arguments: [:], malformed: "its arguments are not a JSON object")
        }
        return ToolUse(id: use.id, name: use.name, arguments: input)
    }

    /// OpenClaw's thinking block, with the provider's own JSON beside it, which goes back as it came.
    private static func thinking(_ raw: JSON) -> JSON {
        let own = raw["block"] ?? raw
        var block = JSONObject(members: [
            .init(key: "type", value: "thinking"),
            .init(key: "thinking", value: .string(own["thinking"]?.string ?? "")),
        ])
        block["thinkingSignature"] = own["signature"]
        block["raw"] = raw
        return .object(block)
    }

    /// The stop reason in the transcript's words.
    var stopReason: String {
        switch finished?.stopReason {
        case "max_tokens": "length"
        case "tool_use": "toolUse"
        default: "stop"
        }
    }
}
