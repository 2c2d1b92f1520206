internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// The body of `POST /responses` for a call.
struct ResponsesRequest {
    let dialect: ResponsesDialect

    func body(_ call: ModelCall) -> [UInt8] {
        let request = call.request
        var body = JSONObject(members: [
            .init(key: "model", value: .string(request.model)), .init(key: "stream", value: true),
            .init(key: "store", value: false),
        ])
        // Fewer than sixteen are refused.
        if request.maxTokens > 0, !dialect.isSubscription {
            body["max_output_tokens"] = .integer(max(16, Int64(request.maxTokens)))
        }
        let system = request.system.isEmpty && dialect.isSubscription ? "You are a helpful assistant." : request.system
        if !system.isEmpty { body["instructions"] = .string(system) }
        if !request.tools.isEmpty { body["tools"] = .array(request.tools.map(Self.tool)) }
        if dialect.reasons(request.model) {
            body["include"] = ["reasoning.encrypted_content"]
            if let effort = OpenAIModel.effort(request.thinking, request.model) {
                body["reasoning"] = ["effort": .string(effort), "summary": "auto"]
            }
        }
        if dialect.isVendor, !request.caller.sessionKey.isEmpty {
            body["prompt_cache_key"] = .string(ToolCallID.digest(request.caller.sessionKey, length: 32))
        }
        var bytes = JSON.object(body).encoded()
        bytes.removeLast()
        bytes.append(#","input":["#)
        for message in Conversation(call.messages, owner: dialect.owner, ids: .word(limit: 64)).messages {
            append(message, to: &bytes)
        }
        bytes.append("]}")
        return bytes
    }

    private static func tool(_ tool: HubModelTool) -> JSON {
        [
            "type": "function", "name": .string(tool.name), "description": .string(tool.description_p),
            "parameters": .schema(tool), "strict": false,
        ]
    }

    /// Each call, result and thought is an item of its own; what is said between them is a message.
    private func append(_ message: Conversation.Message, to bytes: inout [UInt8]) {
        var said: [Conversation.Block] = []
        for block in message.blocks {
            switch block {
            case .text, .image: said.append(block)
            case .toolUse(let id, let name, let input):
                append(said, role: message.role, to: &bytes)
                said = []
                bytes.appendCommaIfNeeded()
                let arguments = String(decoding: input.encoded(), as: UTF8.self)
                let item: JSON = [
                    "type": "function_call", "call_id": .string(id), "name": .string(name),
                    "arguments": .string(arguments),
                ]
                bytes.append(item)
            case .toolResult(let id, _, let text, _):
                bytes.appendCommaIfNeeded()
                let item: JSON = [
                    "type": "function_call_output", "call_id": .string(id),
                    "output": .string(text.isEmpty ? "(no output)" : text),
                ]
                bytes.append(item)
            case .opaque(let item):
                append(said, role: message.role, to: &bytes)
                said = []
                bytes.appendCommaIfNeeded()
                bytes.append(item)
            }
        }
        append(said, role: message.role, to: &bytes)
    }

    private func append(_ said: [Conversation.Block], role: HubModelMessage.Role, to bytes: inout [UInt8]) {
        guard !said.isEmpty else { return }
        let isAssistant = role == .assistant
        bytes.appendCommaIfNeeded()
        bytes.append(
            isAssistant
                ? #"{"type":"message","role":"assistant","content":["# : #"{"type":"message","role":"user","content":["#
        )
        for block in said {
            bytes.appendCommaIfNeeded()
            switch block {
            case .image(let image):
                bytes.append(#"{"type":"input_image","detail":"auto","image_url":"#)
                bytes.append(dataURL: image)
                bytes.append("}")
            case .text(let text):
                let part: JSON = ["type": isAssistant ? "output_text" : "input_text", "text": .string(text)]
                bytes.append(part)
            case .toolUse, .toolResult, .opaque: break
            }
        }
        bytes.append("]}")
    }
}
