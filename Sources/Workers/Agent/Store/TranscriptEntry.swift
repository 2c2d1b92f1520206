internal import Runtime

/// One line of a transcript, whole: what we do not understand in it stays as it is.
struct TranscriptEntry: Equatable {
    /// What an entry hangs on.
    enum Parent: Equatable {
        case entry(String)
        /// Written as null: the first of the conversation.
        case root
        /// Not written at all (old versions, injected lines): the entry above it.
        case unstated
    }

    let object: JSONObject

    var id: String? { object["id"]?.string }
    var type: String { object["type"]?.string ?? "" }
    var message: JSON? { type == "message" ? object["message"] : nil }
    var role: String { message?["role"]?.string ?? "" }
    var stopReason: String { message?["stopReason"]?.string ?? "" }

    var parent: Parent {
        switch object["parentId"] {
        case .string(let id)?: .entry(id)
        case .null?: .root
        case nil, _?: .unstated
        }
    }

    /// A command's answer (`/status`), which the model is not shown.
    var isCommandReply: Bool {
        message?["provider"]?.string == TranscriptMessage.ownProvider
            && message?["model"]?.string == TranscriptMessage.commandModel
    }

    /// Milliseconds since 1970: the message's own time, else the entry's.
    var timestamp: Int64? {
        message?["timestamp"]?.integer
            ?? object["timestamp"].flatMap { value in
                value.integer ?? value.string.flatMap(Timestamp.parse)
            }
    }

    /// The text blocks of a message, joined.
    var text: String { message.map(TranscriptMessage.text) ?? "" }

    /// What a person is shown of it: of a user's message the user's own words.
    var shownText: String {
        message.map { TranscriptMessage.body($0) ?? Envelope.strip(TranscriptMessage.text($0)) } ?? ""
    }

    /// A line for the file.
    func encoded() -> [UInt8] {
        var bytes = JSON.object(object).encoded()
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }
}

/// The messages of a transcript in OpenClaw's shape.
enum TranscriptMessage {
    /// The provider of messages that no model made.
    static let ownProvider = "clawhold"
    static let commandModel = "command"

    /// The first line of a file.
    static func header(sessionID: String, workspace: String, now: Int64) -> TranscriptEntry {
        TranscriptEntry(
            object: JSONObject(members: [
                .init(key: "type", value: "session"),
                .init(key: "version", value: 3),
                .init(key: "id", value: .string(sessionID)),
                .init(key: "timestamp", value: .string(Timestamp.iso(now))),
                .init(key: "cwd", value: .string(workspace)),
            ])
        )
    }

    static func entry(id: String, parent: String?, message: JSON, now: Int64) -> TranscriptEntry {
        TranscriptEntry(
            object: JSONObject(members: [
                .init(key: "type", value: "message"),
                .init(key: "id", value: .string(id)),
                .init(key: "parentId", value: parent.map { .string($0) } ?? .null),
                .init(key: "timestamp", value: .string(Timestamp.iso(now))),
                .init(key: "message", value: message),
            ])
        )
    }

    /// A user's message. Its files stand in OpenClaw's `MediaPaths` and `MediaTypes`, not in the text alone: what a person
    /// writes can look like the text.
    static func user(_ prompt: UserPrompt, files: [InboundFile], now: Int64) -> JSON {
        var object = JSONObject(members: [
            .init(key: "role", value: "user"),
            .init(key: "content", value: [textBlock(prompt.text)]),
            .init(key: "timestamp", value: .integer(now)),
        ])
        let stored = files.filter { $0.path != nil }
        if !stored.isEmpty {
            object["MediaPaths"] = .array(stored.map { .string($0.path ?? "") })
            object["MediaTypes"] = .array(stored.map { .string($0.mime) })
        }
        if prompt.body != 0..<prompt.text.utf8.count {
            object[own] = [
                "body": [.integer(Int64(prompt.body.lowerBound)), .integer(Int64(prompt.body.upperBound))]
            ]
        }
        return .object(object)
    }

    /// What only we write and read, in a message: `body`; `sent`, `parts`, `replyTo`.
    static let own = "clawhold"

    /// `message` with what only we read; as it was when there is nothing of it.
    static func with(_ members: JSONObject, _ message: JSON) -> JSON {
        guard !members.members.isEmpty, case .object(var object) = message else { return message }
        object[own] = .object(members)
        return .object(object)
    }

    /// Paths of the files that came with a user's message.
    static func mediaPaths(_ entry: TranscriptEntry) -> [String] {
        (entry.message?["MediaPaths"]?.array ?? []).prefix(InboundFiles.Bounds.count).compactMap(\.string)
    }

    /// A user's own words in a message's text; nil when the message does not say where they stand.
    static func body(_ message: JSON) -> String? {
        guard let range = message[own]?["body"]?.array, range.count == 2, let start = range[0].integer,
            let end = range[1].integer
        else { return nil }
        let bytes = Array(text(message).utf8)
        guard 0 <= start, start <= end, end <= bytes.count else { return nil }
        return String(decoding: bytes[Int(start)..<Int(end)], as: UTF8.self)
    }

    static func textBlock(_ text: String) -> JSON { ["type": "text", "text": .string(text)] }

    static func toolCallBlock(id: String, name: String, arguments: JSON) -> JSON {
        ["type": "toolCall", "id": .string(id), "name": .string(name), "arguments": arguments]
    }

    static func toolResult(callID: String, name: String, text: String, isError: Bool, now: Int64) -> JSON {
        [
            "role": "toolResult", "toolCallId": .string(callID), "toolName": .string(name),
            "content": [textBlock(text)], "isError": .bool(isError), "timestamp": .integer(now),
        ]
    }

    /// An assistant's message; `model` as `provider/name`.
    static func assistant(
        content: [JSON],
        model: String,
        usage: TokenUsage,
        stopReason: String,
        error: String? = nil,
        now: Int64
    ) -> JSON {
        let name = ModelName(model)
        var object = JSONObject(members: [
            .init(key: "role", value: "assistant"),
            .init(key: "content", value: .array(content)),
            .init(key: "api", value: .string(name.api)),
            .init(key: "provider", value: .string(name.provider)),
            .init(key: "model", value: .string(name.model)),
            .init(key: "usage", value: usage.json),
            .init(key: "stopReason", value: .string(stopReason)),
        ])
        object["errorMessage"] = error.map { .string($0) }
        object["timestamp"] = .integer(now)
        return .object(object)
    }

    /// The text of a message: its content when that is a string, else its text blocks.
    static func text(_ message: JSON) -> String {
        if let text = message["content"]?.string { return text }
        return (message["content"]?.array ?? [])
            .compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
            .joined(separator: "\n")
    }
}

/// `anthropic/claude-opus-4-6` in its parts.
struct ModelName: Equatable {
    var provider: String
    var model: String

    init(_ full: String) {
        let slash = full.firstIndex(of: "/")
        provider = slash.map { String(full[..<$0]) } ?? ""
        model = slash.map { String(full[full.index(after: $0)...]) } ?? full
    }

    /// What OpenClaw calls the wire format.
    var api: String {
        switch provider {
        case "anthropic": "anthropic-messages"
        case "openai": "openai-responses"
        case "google": "google-generative-ai"
        default: provider.isEmpty ? "clawhold" : provider
        }
    }
}
