internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// The body of `:streamGenerateContent` for a call.
struct GenerateRequest {
    let owner: String

    /// What Google documents for a call whose signature nobody has, because another model made it: Gemini 3 refuses a turn
    /// with an unsigned call in it.
    static let noSignature = "skip_thought_signature_validator"

    func body(_ call: ModelCall) -> [UInt8] {
        let request = call.request
        var body = JSONObject()
        if !request.system.isEmpty {
            body["systemInstruction"] = ["parts": [["text": .string(request.system)]]]
        }
        if !request.tools.isEmpty {
            body["tools"] = [["functionDeclarations": .array(request.tools.map(Self.declaration))]]
        }
        body["generationConfig"] = Self.configuration(request)
        var bytes = JSON.object(body).encoded()
        bytes.removeLast()
        bytes.append(#","contents":["#)
        for message in Conversation(call.messages, owner: owner, ids: .word(limit: 64)).messages {
            append(message, model: request.model, to: &bytes)
        }
        bytes.append("]}")
        return bytes
    }

    private static func declaration(_ tool: HubModelTool) -> JSON {
        var declaration = JSONObject(members: [
            .init(key: "name", value: .string(tool.name)),
            .init(key: "description", value: .string(tool.description_p)),
        ])
        let schema = GoogleSchema.reduced(.schema(tool))
        // An object without properties is refused: then nothing is taken.
        if schema["properties"]?.object?.members.isEmpty == false { declaration["parameters"] = schema }
        return .object(declaration)
    }

    /// Generation 3 has levels, 2.5 a number of tokens.
    private static func configuration(_ request: HubModelRequest) -> JSON {
        var configuration = JSONObject()
        if request.maxTokens > 0 { configuration["maxOutputTokens"] = .integer(Int64(request.maxTokens)) }
        let budgets: [String: Int64] = [
            "minimal": 512, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576,
        ]
        if let budget = budgets[request.thinking] {
            if request.model.contains("gemini-2.5") {
                configuration["thinkingConfig"] = ["includeThoughts": true, "thinkingBudget": .integer(budget)]
            } else if !request.model.contains("gemini-2"), !request.model.contains("gemma") {
                let level = budget <= 2048 ? "low" : "high"
                configuration["thinkingConfig"] = ["includeThoughts": true, "thinkingLevel": .string(level)]
            }
        }
        return .object(configuration)
    }

    private func append(_ message: Conversation.Message, model: String, to bytes: inout [UInt8]) {
        // Signatures stand beside the calls that they belong to.
        var signatures: [String: JSON] = [:]
        for case .opaque(let block) in message.blocks {
            if let id = block["call"]?.string, let signature = block["thoughtSignature"] {
                signatures[ToolCallID.fit(id, .word(limit: 64))] = signature
            }
        }
        bytes.appendCommaIfNeeded()
        bytes.append(message.role == .assistant ? #"{"role":"model","parts":["# : #"{"role":"user","parts":["#)
        var isFirstCall = true
        for block in message.blocks {
            switch block {
            case .text(let text): append(["text": .string(text)], to: &bytes)
            case .image(let image):
                bytes.appendCommaIfNeeded()
                bytes.append(#"{"inlineData":{"mimeType":"#)
                bytes.append(JSON.string(image.mime))
                bytes.append(#","data":""#)
                bytes.append(base64: image.data)
                bytes.append(#""}}"#)
            case .toolUse(let id, let name, let input):
                var part = JSONObject(members: [
                    .init(key: "functionCall", value: ["name": .string(name), "args": input])
                ])
                if let signature = signatures[id] {
                    part["thoughtSignature"] = signature
                } else if isFirstCall, signatures.isEmpty, model.contains("gemini-3") {
                    part["thoughtSignature"] = .string(Self.noSignature)
                }
                isFirstCall = false
                append(.object(part), to: &bytes)
            case .toolResult(_, let name, let text, let isError):
                let response: JSON = isError ? ["error": .string(text)] : ["output": .string(text)]
                append(["functionResponse": ["name": .string(name), "response": response]], to: &bytes)
            case .opaque(let block):
                if block["call"] == nil, let signature = block["thoughtSignature"] {
                    append(["text": "", "thoughtSignature": signature], to: &bytes)
                }
            }
        }
        if bytes.last == UInt8(ascii: "[") { bytes.append(#"{"text":" "}"#) }
        bytes.append("]}")
    }

    private func append(_ part: JSON, to bytes: inout [UInt8]) {
        bytes.appendCommaIfNeeded()
        bytes.append(part)
    }
}
