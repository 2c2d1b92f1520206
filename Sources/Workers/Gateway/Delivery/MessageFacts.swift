internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

/// What the journal has to know of a channel's message: pure, from the message and the account's settings.
struct MessageFacts {
    let message: HubChatMessage
    let access: ChannelAccess
    /// `messages.inbound`, in milliseconds; 0: off.
    let debounce: Int64

    /// Outbox rows and what was heard are kept by this: a thread is a conversation of its own.
    var conversation: String {
        message.thread.isEmpty ? message.conversation : "\(message.conversation):\(message.thread)"
    }

    var room: String { "\(access.worker)|\(conversation)" }

    var sender: String {
        let name = [message.senderName, message.senderUsername, message.senderID].first { !$0.isEmpty } ?? ""
        return Self.line(name, 64)
    }

    var turn: TurnFacts {
        var facts = TurnFacts()
        facts.sender = sender
        facts.preview = preview
        facts.messageID = String(message.messageID.prefix(128))
        facts.saidAt = max(0, message.timestampMs)
        facts.isSolo = isSolo
        facts.source = "\(room)|\(message.senderID.prefix(128))"
        facts.gatherings = gatherings
        facts.room = room
        return facts
    }

    /// The first words, or what there is instead of words.
    var preview: String {
        let words = Self.line(message.text, 160)
        if !words.isEmpty || message.media.isEmpty { return words }
        return message.media.prefix(4).map { "<\(Self.name(of: $0.kind))>" }.joined(separator: " ")
    }

    /// A command or a button is answered by itself.
    private var isSolo: Bool {
        switch message.kind {
        case .command, .button: true
        case .message, .reaction, .system, .UNRECOGNIZED: message.text.hasPrefix("/") || message.text.hasPrefix("!")
        }
    }

    private var gatherings: [Gathering] {
        guard !isSolo else { return [] }
        // Telegram's albums and its way of cutting a long paste (spec/channels-voice-tunnel.md 1.9).
        if !message.album.isEmpty {
            return [
                Gathering(kind: .album, name: String(message.album.prefix(128)), wait: 500, mostParts: 20)
            ]
        }
        guard message.media.isEmpty else { return [] }
        let size = message.text.utf16.count
        var all: [Gathering] = []
        if access.channel == "telegram" {
            all.append(
                Gathering(
                    kind: .paste,
                    wait: 1500,
                    mayBegin: size >= 4000,
                    size: size,
                    mostParts: 12,
                    mostSize: 50_000
                )
            )
        }
        if debounce > 0 { all.append(Gathering(kind: .rapid, wait: debounce, size: size, mostParts: 50)) }
        return all
    }

    /// The message as it is kept for a later turn: bounded, its reply context without the quoted text.
    func heard(limit: Int) -> Heard {
        var kept = message
        kept.text = String(message.text.prefix(4000))
        kept.replyTarget = Data()
        kept.media = Array(message.media.prefix(4))
        kept.reply.text = String(message.reply.text.prefix(300))
        if !message.hasReply { kept.clearReply() }
        kept.place = HubPlace()
        // Bounded above, so this cannot fail.
        let bytes: [UInt8] = (try? kept.serializedBytes()) ?? []
        return Heard(kind: .said, room: room, body: bytes, limit: limit)
    }

    /// What happened, in words. `own`: only when it happened to a message of ours.
    func happened(own: Bool) -> Heard {
        let about = message.hasReply ? message.reply.messageID : message.messageID
        return Heard(
            kind: .happened,
            room: room,
            body: Array(Self.line(message.text, 500).utf8),
            limit: 20,
            ownMessage: own && !message.reply.isOwn ? about : nil
        )
    }

    private static func line(_ text: String, _ length: Int) -> String {
        var words = Substring(text.prefix(length * 2))
        while words.first?.isWhitespace == true { words.removeFirst() }
        return String(words.prefix(length).map { $0.isNewline ? " " : $0 })
    }

    private static func name(of kind: HubMedia.Kind) -> String {
        switch kind {
        case .file, .UNRECOGNIZED: "file"
        case .image: "image"
        case .audio: "audio"
        case .voice: "voice message"
        case .video: "video"
        case .sticker: "sticker"
        }
    }
}
