internal import IPCHub

/// The line that tells the model where a message comes from: `[Telegram Ada id:42 2026-11-22 14:30 UTC] text`.
///
/// The shape is OpenClaw's, whose clients cut it off again when they show the history.
enum Envelope {
    static func wrap(_ message: HubChatMessage, channel: String) -> String {
        let text = message.text.cut(toBytes: ModelHistory.textLimit)
        guard !channel.isEmpty, channel != "webchat" else { return text }
        let isDirect = message.chatType == .direct
        let label = plain(isDirect ? sender(message) : message.conversationLabel)
        let id = plain(isDirect ? message.senderID : message.conversation)
        let time = message.timestampMs > 0 ? " " + Timestamp.minute(message.timestampMs) : ""
        let head = [name(of: channel), label, id.isEmpty ? "" : "id:\(id)"].filter { !$0.isEmpty }
        let body = isDirect ? text : "\(plain(sender(message))): \(text)"
        return "[\(head.joined(separator: " "))\(time)] \(body)"
    }

    /// The text without the envelope. Only what bears a date is taken for one: a person may begin with a bracket too.
    static func strip(_ text: String) -> String {
        guard text.hasPrefix("["), let end = text.firstIndex(of: "]") else { return text }
        let head = text[text.index(after: text.startIndex)..<end]
        guard head.utf8.count <= 400, bearsDate(head) else { return text }
        return String(text[text.index(after: end)...].drop { $0 == " " })
    }

    static func name(of channel: String) -> String {
        switch channel {
        case "whatsapp": "WhatsApp"
        case "webchat": "WebChat"
        default: channel.prefix(1).uppercased() + channel.dropFirst()
        }
    }

    private static func sender(_ message: HubChatMessage) -> String {
        [message.senderName, message.senderUsername, message.senderID].first { !$0.isEmpty } ?? ""
    }

    /// Names are strangers' words: nothing of them may end the envelope or begin a line.
    private static func plain(_ text: String) -> String {
        String(text.prefix(80).map { $0.isNewline || $0 == "[" || $0 == "]" ? " " : $0 }).trimmed()
    }

    /// Whether `YYYY-MM-DD` followed by a space or `T` and `HH:MM` stands in `head`.
    private static func bearsDate(_ head: Substring) -> Bool {
        let pattern = Array("0000-00-00 00:00".utf8)
        let bytes = Array(head.utf8)
        guard bytes.count >= pattern.count else { return false }
        return (0...(bytes.count - pattern.count)).contains { start in
            zip(bytes[start...], pattern).allSatisfy { byte, expected in
                switch expected {
                case UInt8(ascii: "0"): (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                case UInt8(ascii: " "): byte == UInt8(ascii: " ") || byte == UInt8(ascii: "T")
                default: byte == expected
                }
            }
        }
    }
}
