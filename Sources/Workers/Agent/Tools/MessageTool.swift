internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// `message`: files, buttons and further messages into the conversation, reactions, edits, deletions.
///
/// It only collects: everything goes out with the turn's end, in the same commit, so it happens exactly once however often
/// the turn is run. That is why the call itself changes nothing and may be made again.
struct MessageTool: AgentTool {
    let files: OutboundFiles

    let name = "message"
    let description =
        "Sends more than text into this conversation: files, buttons, a further message; reacts to a message, edits or deletes one of yours. Everything goes out together with your reply, after its text; for plain text just reply."
    let isReadOnly = true
    let schema: JSON = [
        "type": "object",
        "properties": [
            "action": ["type": "string", "enum": ["send", "react", "edit", "delete"]],
            "message": ["type": "string", "description": "send, edit: the text, Markdown"],
            "media": [
                "type": "array", "items": ["type": "string"],
                "description": "send: paths of files in your workspace, at most 10",
            ],
            "asVoice": ["type": "boolean", "description": "send: the audio file is to be heard as a voice message"],
            "buttons": [
                "type": "array",
                "description":
                    "send: rows of buttons under the message; a pressed one comes back as a message with its data",
                "items": [
                    "type": "array",
                    "items": [
                        "type": "object",
                        "properties": [
                            "text": ["type": "string"],
                            "callback_data": ["type": "string", "description": "at most 64 bytes"],
                        ],
                        "required": ["text", "callback_data"],
                    ],
                ],
            ],
            "replyTo": ["type": "string", "description": "send: id of the message to answer"],
            "messageId": [
                "type": "string",
                "description": "edit, delete: which message; react: which one, absent for the current one",
            ],
            "emoji": ["type": "string", "description": "react: one emoji, or the network's name of a custom one"],
            "remove": ["type": "boolean", "description": "react: take your reaction away"],
        ],
        "required": ["action"],
        "additionalProperties": false,
    ]

    static let textLimit = 32 * 1024
    static let fileLimit = 10
    static let rowLimit = 8
    static let buttonLimit = 8
    static let dataLimit = 64
    private static let idLimit = 64

    func isOffered(in channel: String) -> Bool { !["", "webchat", GatewayVoice.channel].contains(channel) }

    func run(_ arguments: JSON, context: ToolContext) async -> ToolOutcome {
        guard isOffered(in: context.channel) else {
            return ToolOutcome(text: "Nothing was sent: this conversation takes text alone.", isError: true)
        }
        guard context.collected < TurnReply.partLimit else {
            return ToolOutcome(
                text: "Nothing was sent: one reply takes at most \(TurnReply.partLimit) of these.",
                isError: true
            )
        }
        do throws(Mistake) {
            let part = try part(arguments, context)
            guard context.collectedBytes + TurnReply.size([part]) <= TurnReply.partBytes else {
                throw Mistake("one reply takes at most \(TurnReply.partBytes / 1024) KiB of these together")
            }
            return ToolOutcome(text: Self.confirmation(part), parts: [part])
        } catch {
            return ToolOutcome(text: "Nothing was sent: \(error.text).", isError: true)
        }
    }

    /// What is wrong with the arguments.
    private struct Mistake: Error {
        var text: String
        init(_ text: String) { self.text = text }
    }

    private func part(_ arguments: JSON, _ context: ToolContext) throws(Mistake) -> HubOutgoing {
        switch arguments["action"]?.string {
        case "send"?: return try send(arguments)
        case "react"?: return try react(arguments, context)
        case "edit"?:
            var part = HubOutgoing()
            part.kind = .edit
            part.messageID = try Self.id(arguments, "messageId")
            part.text = try Self.text(arguments)
            guard !part.text.trimmed().isEmpty else { throw Mistake("message is empty") }
            return part
        case "delete"?:
            var part = HubOutgoing()
            part.kind = .delete
            part.messageID = try Self.id(arguments, "messageId")
            return part
        default: throw Mistake("action must be send, react, edit or delete")
        }
    }

    private func send(_ arguments: JSON) throws(Mistake) -> HubOutgoing {
        var part = HubOutgoing()
        part.text = try Self.text(arguments)
        if arguments["replyTo"] != nil { part.messageID = try Self.id(arguments, "replyTo") }
        part.buttons = try Self.buttons(arguments["buttons"])
        let paths = arguments["media"]?.string.map { [$0] } ?? (arguments["media"]?.array ?? []).compactMap(\.string)
        guard paths.count <= Self.fileLimit else { throw Mistake("one message takes at most \(Self.fileLimit) files") }
        guard !paths.isEmpty || !part.text.trimmed().isEmpty else {
            throw Mistake("neither message nor media is given")
        }
        let isVoice = arguments["asVoice"]?.bool ?? false
        for path in paths {
            do throws(OutboundFiles.Refusal) {
                part.media.append(try files.copy(path, isVoice: isVoice && part.media.isEmpty))
            } catch {
                throw Mistake("\(error)")
            }
        }
        part.asVoice = part.media.first?.kind == .voice
        if isVoice, !part.asVoice { throw Mistake("asVoice needs an audio file as the first of media") }
        return part
    }

    private func react(_ arguments: JSON, _ context: ToolContext) throws(Mistake) -> HubOutgoing {
        var part = HubOutgoing()
        part.kind = .reaction
        part.messageID = arguments["messageId"] == nil ? context.messageID : try Self.id(arguments, "messageId")
        guard !part.messageID.isEmpty else { throw Mistake("messageId is missing") }
        part.emoji = (arguments["emoji"]?.string ?? "").trimmed()
        part.remove = arguments["remove"]?.bool ?? false
        guard (1...100).contains(part.emoji.utf8.count), !part.emoji.contains(where: \.isNewline) else {
            throw Mistake("emoji must be one emoji")
        }
        return part
    }

    private static func text(_ arguments: JSON) throws(Mistake) -> String {
        let text = arguments["message"]?.string ?? ""
        guard text.utf8.count <= textLimit else { throw Mistake("message is longer than \(textLimit) bytes") }
        return text
    }

    private static func id(_ arguments: JSON, _ key: String) throws(Mistake) -> String {
        // Models write ids as numbers, too.
        let id = (arguments[key]?.string ?? arguments[key]?.integer.map(String.init) ?? "").trimmed()
        guard (1...idLimit).contains(id.utf8.count), id.allSatisfy({ $0.isASCII && !$0.isWhitespace }) else {
            throw Mistake("\(key) must be the id of a message")
        }
        return id
    }

    private static func buttons(_ value: JSON?) throws(Mistake) -> [HubButtonRow] {
        guard let value, value != .null else { return [] }
        guard let rows = value.array, rows.count <= rowLimit else {
            throw Mistake("buttons must be at most \(rowLimit) rows")
        }
        var result: [HubButtonRow] = []
        for row in rows {
            guard let buttons = row.array, (1...buttonLimit).contains(buttons.count) else {
                throw Mistake("a row takes 1 to \(buttonLimit) buttons")
            }
            var made = HubButtonRow()
            for button in buttons {
                let label = ForeignText.label(button["text"]?.string ?? "")
                let data = button["callback_data"]?.string ?? ""
                guard !label.isEmpty, (1...dataLimit).contains(data.utf8.count) else {
                    throw Mistake("a button takes a text and 1 to \(dataLimit) bytes of callback_data")
                }
                var next = HubButtonRow.Button()
                next.label = label
                next.data = data
                made.buttons.append(next)
            }
            result.append(made)
        }
        return result
    }

    private static func confirmation(_ part: HubOutgoing) -> String {
        switch part.kind {
        case .message, .UNRECOGNIZED: "It goes out with your reply. Do not repeat its text there."
        case .reaction:
            part.remove ? "The reaction is taken away with your reply." : "The reaction goes out with your reply."
        case .edit: "The message is edited with your reply."
        case .delete: "The message is deleted with your reply."
        }
    }
}
