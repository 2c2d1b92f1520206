internal import FoundationEssentials
internal import IPCHub

/// What strangers are told, word for word as OpenClaw says it (spec/channels-voice-tunnel.md 1.4).
enum PairingWords {
    static func reply(channel: String, id: String, code: String) -> String {
        """
        OpenClaw: access not configured.

        \(idLine(channel: channel, id: id))

        Pairing code: \(code)

        Ask the bot owner to approve with:
        openclaw pairing approve \(channel) \(code)
        """
    }

    static let approved = "✅ OpenClaw access approved. Send a message to start chatting."

    private static func idLine(channel: String, id: String) -> String {
        switch channel {
        case "telegram": "Your Telegram user id: \(id)"
        case "discord": "Your Discord user id: \(id)"
        case "slack": "Your Slack user id: \(id)"
        case "whatsapp": "Your WhatsApp phone number: \(id)"
        case "signal": id.hasPrefix("uuid:") ? "Your Signal sender id: \(id)" : "Your Signal number: \(id)"
        default: "Your \(channel) user id: \(id)"
        }
    }

    /// What the request keeps of its sender.
    static func meta(of message: HubChatMessage, account: String, event: String) -> [String: String] {
        var meta = ["accountId": account, PairingRequest.eventKey: event]
        if !message.senderUsername.isEmpty { meta["username"] = Shown.text(message.senderUsername) }
        if !message.senderName.isEmpty { meta["name"] = Shown.text(message.senderName) }
        if message.replyTarget.count <= 2048 {
            meta[PairingRequest.targetKey] = message.replyTarget.map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined()
        }
        return meta
    }
}
