internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// The body of `POST /v1/messages` for a call.
enum MessagesRequest {
    static func body(_ call: ModelCall) -> [UInt8] {
        var body = JSONObject(members: [
            .init(key: "model", value: .string(call.request.model)),
            .init(key: "max_tokens", value: .integer(Int64(max(1, call.request.maxTokens)))),
            .init(key: "stream", value: true),
        ])
        if !call.request.system.isEmpty {
            // Everything up to here is the same in each round of a turn: the provider may keep it.
            body["system"] = [["type": "text", "text": .string(call.request.system), "cache_control": cached]]
        }
        if !call.request.tools.isEmpty { body["tools"] = .array(call.request.tools.map(tool)) }
        var messages = call.messages.map(message)
        markCached(&messages)
        body["messages"] = .array(messages)
        return JSON.object(body).encoded()
    }

    private static let cached: JSON = ["type": "ephemeral"]

    private static func tool(_ tool: HubModelTool) -> JSON {
        [
            "name": .string(tool.name), "description": .string(tool.description_p),
            // A schema of ours; one that does not parse takes no arguments.
            "input_schema": (try? JSON(parsing: tool.inputSchema)) ?? ["type": "object"],
        ]
    }

    private static func message(_ message: HubModelMessage) -> JSON {
        [
            "role": message.role == .assistant ? "assistant" : "user",
            "content": .array(message.blocks.compactMap(block)),
        ]
    }

    private static func block(_ block: HubModelBlock) -> JSON? {
        switch block.block {
        case .text(let text)?: ["type": "text", "text": .string(text)]
        case .toolUse(let use)?:
            [
                "type": "tool_use", "id": .string(use.id), "name": .string(use.name),
                "input": object(use.input) ?? [:],
            ]
        case .toolResult(let result)?:
            [
                "type": "tool_result", "tool_use_id": .string(result.toolUseID),
                "content": [["type": "text", "text": .string(result.text)]], "is_error": .bool(result.isError),
            ]
        case .opaque(let data)?: object(data)
        case .image(let image)?:
            [
                "type": "image",
                "source": [
                    "type": "base64", "media_type": .string(image.mime),
                    "data": .string(image.data.base64EncodedString()),
                ],
            ]
        case nil: nil
        }
    }

    private static func object(_ bytes: some Sequence<UInt8>) -> JSON? {
        guard let value = try? JSON(parsing: bytes), value.object != nil else { return nil }
        return value
    }

    /// The end of the conversation is where the next round will begin.
    private static func markCached(_ messages: inout [JSON]) {
        guard case .object(var last)? = messages.last, case .array(var blocks)? = last["content"],
            case .object(var block)? = blocks.last, block["type"] == "text" || block["type"] == "tool_result"
        else { return }
        block["cache_control"] = cached
        blocks[blocks.count - 1] = .object(block)
        last["content"] = .array(blocks)
        messages[messages.count - 1] = .object(last)
    }
}
