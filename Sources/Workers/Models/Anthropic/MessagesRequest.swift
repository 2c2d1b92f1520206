internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// The body of `POST /v1/messages` for a call.
///
/// Pictures are the bulk of a body: they are written into it as base64 directly, so that they stand in memory once as
/// bytes and once as base64 and not a third time in a tree of values.
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
        var bytes = JSON.object(body).encoded()
        bytes.removeLast()
        bytes += Array(#","messages":["#.utf8)
        for (index, message) in call.messages.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(message, isLast: index == call.messages.count - 1, to: &bytes)
        }
        bytes += Array("]}".utf8)
        return bytes
    }

    private static let cached: JSON = ["type": "ephemeral"]

    private static func tool(_ tool: HubModelTool) -> JSON {
        [
            "name": .string(tool.name), "description": .string(tool.description_p),
            // A schema of ours; one that does not parse takes no arguments.
            "input_schema": (try? JSON(parsing: tool.inputSchema)) ?? ["type": "object"],
        ]
    }

    /// The end of the conversation is where the next round will begin: the provider may keep everything up to there.
    private static func append(_ message: HubModelMessage, isLast: Bool, to bytes: inout [UInt8]) {
        bytes += Array(
            (message.role == .assistant ? #"{"role":"assistant","content":["# : #"{"role":"user","content":["#).utf8
        )
        var isFirst = true
        for (index, block) in message.blocks.enumerated() {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            if case .image(let image)? = block.block {
                append(image, to: &bytes)
            } else {
                guard var value = self.block(block) else {
                    if !isFirst { bytes.removeLast() }
                    continue
                }
                if isLast, index == message.blocks.count - 1 { value = markedCached(value) }
                value.append(to: &bytes)
            }
            isFirst = false
        }
        bytes += Array("]}".utf8)
    }

    private static func append(_ image: HubModelBlock.Image, to bytes: inout [UInt8]) {
        let head: JSON = ["type": "base64", "media_type": .string(image.mime)]
        bytes += Array(#"{"type":"image","source":"#.utf8)
        head.append(to: &bytes)
        bytes.removeLast()
        bytes += Array(#","data":""#.utf8)
        // In parts of a multiple of three bytes, so that no part but the last is padded.
        var rest = image.data[...]
        while !rest.isEmpty {
            bytes += rest.prefix(48 * 1024).base64EncodedData()
            rest = rest.dropFirst(48 * 1024)
        }
        bytes += Array(#""}}"#.utf8)
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
        case .image?: nil
        case nil: nil
        }
    }

    private static func object(_ bytes: some Sequence<UInt8>) -> JSON? {
        guard let value = try? JSON(parsing: bytes), value.object != nil else { return nil }
        return value
    }

    private static func markedCached(_ block: JSON) -> JSON {
        guard case .object(var object) = block, block["type"] == "text" || block["type"] == "tool_result" else {
            return block
        }
        object["cache_control"] = cached
        return .object(object)
    }
}
