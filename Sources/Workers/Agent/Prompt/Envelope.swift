internal import Config
internal import IPCHub

/// The line that tells the model where a message comes from: `[Telegram Ada id:42 +5m 2026-11-22 14:30 UTC] text`.
///
/// The shape is OpenClaw's, whose clients cut it off again when they show the history.
struct Envelope: Equatable, Sendable {
    /// `agents.defaults.envelopeTimestamp` and `envelopeElapsed`.
    var showsTime = true
    var showsElapsed = true

    /// - Parameter since: when the conversation's last message was, in milliseconds; nil when it has none or it is of no
    ///   interest.
    func wrap(_ message: HubChatMessage, body: String, channel: String, since: Int64? = nil) -> String {
        let isDirect = message.chatType == .direct
        let label = ForeignText.label(isDirect ? Self.sender(message) : message.conversationLabel)
        let id = ForeignText.label(isDirect ? message.senderID : message.conversation)
        var head = [Self.name(of: channel), label, id.isEmpty ? "" : "id:\(id)"]
        if showsElapsed, let since, since >= 0, message.timestampMs > since {
            head.append("+" + Self.elapsed(message.timestampMs - since))
        }
        if showsTime, message.timestampMs > 0 { head.append(Timestamp.localMinute(message.timestampMs)) }
        return
            "[\(head.filter { !$0.isEmpty }.joined(separator: " "))] \(isDirect ? body : "\(Self.speaker(message)): \(body)")"
    }

    /// Who speaks in a group: `Ada (42)`.
    static func speaker(_ message: HubChatMessage) -> String {
        let name = ForeignText.label(sender(message))
        let id = ForeignText.label(message.senderID)
        return id.isEmpty || id == name ? name : "\(name) (\(id))"
    }

    /// `30s`, `5m`, `2h`, `3d`.
    static func elapsed(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        return switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m"
        case ..<86400: "\(seconds / 3600)h"
        default: "\(seconds / 86400)d"
        }
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
        case GatewayVoice.channel: "Telephone"
        default: channel.prefix(1).uppercased() + channel.dropFirst()
        }
    }

    static func sender(_ message: HubChatMessage) -> String {
        [message.senderName, message.senderUsername, message.senderID].first { !$0.isEmpty } ?? ""
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
