internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// The body of `POST /chat/completions` for a call.
struct ChatRequest {
    let host: ChatHost

    func body(_ call: ModelCall) -> [UInt8] {
        let request = call.request
        var body = JSONObject(members: [
            .init(key: "model", value: .string(request.model)), .init(key: "stream", value: true),
        ])
        if host.asksForUsage { body["stream_options"] = ["include_usage": true] }
        if request.maxTokens > 0 { body[host.maxTokensField] = .integer(Int64(request.maxTokens)) }
        if !request.tools.isEmpty { body["tools"] = .array(request.tools.map(Self.tool)) }
        if host.kind == .openRouter, OpenAIModel.efforts.contains(request.thinking) {
            // It puts the word into those that the model behind it knows.
            body["reasoning"] = ["effort": .string(request.thinking)]
        } else if host.reasons(request.model), let effort = OpenAIModel.effort(request.thinking, request.model) {
            body["reasoning_effort"] = .string(effort)
        }
        if host.kind == .openAI {
            body["store"] = false
            // Calls of one conversation meet the same machine, and with it what that one keeps of the prompt.
            if !request.caller.sessionKey.isEmpty {
                body["prompt_cache_key"] = .string(ToolCallID.digest(request.caller.sessionKey, length: 32))
            }
        }
        var bytes = JSON.object(body).encoded()
        bytes.removeLast()
        bytes.append(#","messages":["#)
        if !request.system.isEmpty {
            append(role: "system", text: request.system, marks: marksCache(request), to: &bytes)
        }
        let conversation = Conversation(call.messages, owner: host.owner, ids: host.ids)
        for (index, message) in conversation.messages.enumerated() {
            let marks = marksCache(request) && index == conversation.messages.count - 1
            if message.role == .assistant {
                appendAssistant(message.blocks, to: &bytes)
            } else {
                appendUser(message.blocks, marks: marks, to: &bytes)
            }
        }
        bytes.append("]}")
        return bytes
    }

    /// Claude behind OpenRouter keeps what is marked, as at its own address.
    private func marksCache(_ request: HubModelRequest) -> Bool {
        host.kind == .openRouter && request.model.hasPrefix("anthropic/")
    }

    private static func tool(_ tool: HubModelTool) -> JSON {
        [
            "type": "function",
            "function": [
                "name": .string(tool.name), "description": .string(tool.description_p), "parameters": .schema(tool),
            ],
        ]
    }

    private func append(role: String, text: String, marks: Bool, to bytes: inout [UInt8]) {
        bytes.appendCommaIfNeeded()
        let content: JSON =
            marks
            ? [["type": "text", "text": .string(text), "cache_control": ["type": "ephemeral"]]] : .string(text)
        let message: JSON = ["role": .string(role), "content": content]
        bytes.append(message)
    }

    /// Results are messages of their own, one for each; what else the person said follows them.
    private func appendUser(_ blocks: [Conversation.Block], marks: Bool, to bytes: inout [UInt8]) {
        var rest: [Conversation.Block] = []
        var hasResults = false
        for block in blocks {
            guard case .toolResult(let id, let name, let text, _) = block else {
                rest.append(block)
                continue
            }
            hasResults = true
            bytes.appendCommaIfNeeded()
            var message = JSONObject(members: [
                .init(key: "role", value: "tool"), .init(key: "tool_call_id", value: .string(id)),
                .init(key: "content", value: .string(text.isEmpty ? "(no output)" : text)),
            ])
            if host.kind == .mistral { message["name"] = .string(name) }
            bytes.append(JSON.object(message))
        }
        guard !rest.isEmpty else { return }
        // Mistral takes no person's word right behind a tool's.
        if hasResults, host.kind == .mistral { append(role: "assistant", text: "(noted)", marks: false, to: &bytes) }
        let texts = rest.compactMap { if case .text(let text) = $0 { text } else { nil } }
        if texts.count == rest.count {
            return append(role: "user", text: texts.joined(separator: "\n\n"), marks: marks, to: &bytes)
        }
        bytes.appendCommaIfNeeded()
        bytes.append(#"{"role":"user","content":["#)
        for block in rest {
            bytes.appendCommaIfNeeded()
            switch block {
            case .image(let image):
                bytes.append(#"{"type":"image_url","image_url":{"url":"#)
                bytes.append(dataURL: image)
                bytes.append("}}")
            case .text(let text): bytes.append(["type": "text", "text": .string(text)] as JSON)
            case .toolUse, .toolResult, .opaque: break
            }
        }
        bytes.append("]}")
    }

    private func appendAssistant(_ blocks: [Conversation.Block], to bytes: inout [UInt8]) {
        var message = JSONObject(members: [.init(key: "role", value: "assistant")])
        var texts: [String] = []
        var calls: [JSON] = []
        for block in blocks {
            switch block {
            case .text(let text): texts.append(text)
            case .toolUse(let id, let name, let input):
                calls.append([
                    "id": .string(id), "type": "function",
                    "function": [
                        "name": .string(name),
                        "arguments": .string(String(decoding: input.encoded(), as: UTF8.self)),
                    ],
                ])
            // What the model thought, under the name that this host has for it.
            case .opaque(let block): for member in block.object?.members ?? [] { message[member.key] = member.value }
            case .image, .toolResult: break
            }
        }
        let empty: JSON = host.kind == .mistral ? "" : .null
        message["content"] = texts.isEmpty ? empty : .string(texts.joined(separator: "\n\n"))
        if !calls.isEmpty { message["tool_calls"] = .array(calls) }
        // A message that only thinks says nothing to other than its maker's own endpoint.
        guard !texts.isEmpty || !calls.isEmpty else { return }
        bytes.appendCommaIfNeeded()
        bytes.append(JSON.object(message))
    }
}
