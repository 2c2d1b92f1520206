internal import FoundationEssentials
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// The body of `POST /v1/messages` for a call.
///
/// Three breakpoints tell the provider what comes again in the next round and may be kept: behind the tools, behind the
/// system prompt, and at the end of the conversation.
struct MessagesRequest {
    let dialect: AnthropicDialect

    private static let cached: JSON = ["type": "ephemeral"]

    func body(_ call: ModelCall) -> [UInt8] {
        let thinking = Thinking(
            call.request,
            isVendor: dialect.isVendor,
            limit: dialect.modelLimits[call.request.model] ?? 0
        )
        var body = JSONObject(members: [
            .init(key: "model", value: .string(call.request.model)),
            .init(key: "max_tokens", value: .integer(thinking.maxTokens)),
            .init(key: "stream", value: true),
        ])
        if let configuration = thinking.configuration { body["thinking"] = configuration }
        if let effort = thinking.effort { body["output_config"] = ["effort": .string(effort)] }
        if !call.request.system.isEmpty {
            body["system"] = [["type": "text", "text": .string(call.request.system), "cache_control": Self.cached]]
        }
        if !call.request.tools.isEmpty {
            var tools = call.request.tools.map(Self.tool)
            tools[tools.count - 1]["cache_control"] = Self.cached
            body["tools"] = .array(tools.map { .object($0) })
        }
        var bytes = JSON.object(body).encoded()
        bytes.removeLast()
        bytes.append(#","messages":["#)
        let conversation = Conversation(call.messages, owner: dialect.owner, ids: .word(limit: 64))
        for (index, message) in conversation.messages.enumerated() {
            bytes.appendCommaIfNeeded()
            Self.append(message, isLast: index == conversation.messages.count - 1, to: &bytes)
        }
        bytes.append("]}")
        return bytes
    }

    private static func tool(_ tool: HubModelTool) -> JSONObject {
        JSONObject(members: [
            .init(key: "name", value: .string(tool.name)),
            .init(key: "description", value: .string(tool.description_p)),
            .init(key: "input_schema", value: .schema(tool)),
        ])
    }

    private static func append(_ message: Conversation.Message, isLast: Bool, to bytes: inout [UInt8]) {
        bytes.append(message.role == .assistant ? #"{"role":"assistant","content":["# : #"{"role":"user","content":["#)
        for (index, block) in message.blocks.enumerated() {
            bytes.appendCommaIfNeeded()
            let marks = isLast && message.role == .user && index == message.blocks.count - 1
            append(block, marks: marks, to: &bytes)
        }
        bytes.append("]}")
    }

    private static func append(_ block: Conversation.Block, marks: Bool, to bytes: inout [UInt8]) {
        var json: JSON
        switch block {
        case .image(let image):
            bytes.append(#"{"type":"image","source":{"type":"base64","media_type":"#)
            bytes.append(JSON.string(image.mime))
            bytes.append(#","data":""#)
            bytes.append(base64: image.data)
            bytes.append(marks ? #""},"cache_control":{"type":"ephemeral"}}"# : #""}}"#)
            return
        case .text(let text): json = ["type": "text", "text": .string(text)]
        case .toolUse(let id, let name, let input):
            json = ["type": "tool_use", "id": .string(id), "name": .string(name), "input": input]
        case .toolResult(let id, _, let text, let isError):
            json = [
                "type": "tool_result", "tool_use_id": .string(id),
                "content": [["type": "text", "text": .string(text.isEmpty ? "(no output)" : text)]],
                "is_error": .bool(isError),
            ]
        case .opaque(let block): json = block
        }
        if marks, case .object(var object) = json, json["type"] == "text" || json["type"] == "tool_result" {
            object["cache_control"] = cached
            json = .object(object)
        }
        bytes.append(json)
    }
}
