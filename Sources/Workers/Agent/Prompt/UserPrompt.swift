internal import IPCHub

/// What the model is given as the user's message: the message in its envelope with everything around it that it must know
/// to understand it. The lines are OpenClaw's.
struct UserPrompt: Equatable, Sendable {
    /// For the transcript, and for the model.
    var text: String
    /// Where in `text`, in bytes of UTF-8, the person's own words stand: clients show these.
    var body: Range<Int>

    static let historyMarker = "[Chat messages since your last reply - for context]"
    static let currentMarker = "[Current message - respond to this]"
    /// Messages of a group and events that are told, the newest of them, and most bytes of all together.
    static let historyCount = 200
    static let eventCount = 50
    static let historyBytes = 128 * 1024
    /// Longest text of one message that is only context.
    static let contextLimit = 4096

    /// - Parameters:
    ///   - message: the turn's message; its text is what stands after `/new`, when it is that.
    ///   - since: as in `Envelope.wrap`.
    init(_ turn: HubTurn, message: HubChatMessage, files: [InboundFile], envelope: Envelope, since: Int64?) {
        let said = InboundFile.said(files, caption: message.text)?.cut(toBytes: ModelHistory.textLimit)
        let words = said ?? Self.words(message, limit: ModelHistory.textLimit)
        var front = files.isEmpty ? [] : [InboundFile.note(files)]
        guard !turn.channel.isEmpty, turn.channel != "webchat" else {
            // The owner writes there, and what a client shows is what the model reads.
            let own = said ?? (message.text.isEmpty ? words : message.text.cut(toBytes: ModelHistory.textLimit))
            self.init(front: front, wrapped: own, own: own, back: [])
            return
        }
        front += turn.happened.suffix(Self.eventCount).map { "System: \(ForeignText.label($0, limit: 500))" }
        let history = Self.history(turn, envelope)
        if !history.isEmpty { front += [Self.historyMarker] + history + ["", Self.currentMarker] }
        var body = ForeignText.body(words)
        if !message.forwardedFrom.isEmpty {
            body = "[Forwarded from \(ForeignText.label(message.forwardedFrom))]\n\(body)"
        }
        var back: [String] = []
        if message.hasReply { back += ["", Self.reply(message.reply)] }
        let id = ForeignText.label(message.messageID)
        if !id.isEmpty { back.append("[message_id: \(id)]") }
        let wrapped = envelope.wrap(message, body: body, channel: turn.channel, since: since)
        let own = message.chatType == .direct ? body : "\(Envelope.speaker(message)): \(body)"
        self.init(front: front, wrapped: wrapped, own: own, back: back)
    }

    /// `own` is the end of `wrapped`.
    private init(front: [String], wrapped: String, own: String, back: [String]) {
        let before = front.isEmpty ? "" : front.joined(separator: "\n") + "\n"
        let start = before.utf8.count + wrapped.utf8.count - own.utf8.count
        text = before + wrapped + (back.isEmpty ? "" : "\n" + back.joined(separator: "\n"))
        body = start..<(start + own.utf8.count)
    }

    /// A message's text; the mark of its files when it has none.
    private static func words(_ message: HubChatMessage, limit: Int) -> String {
        let text = message.text.trimmed().isEmpty ? FileKind.mark(message.media) : message.text
        return text.cut(toBytes: limit)
    }

    private static func history(_ turn: HubTurn, _ envelope: Envelope) -> [String] {
        var lines: [String] = []
        var size = 0
        for message in turn.history.suffix(historyCount).reversed() {
            let id = ForeignText.label(message.messageID)
            let body = ForeignText.body(words(message, limit: contextLimit)).trimmed()
            let line =
                envelope.wrap(message, body: body, channel: turn.channel) + (id.isEmpty ? "" : " [message_id: \(id)]")
            size += line.utf8.count
            guard size <= historyBytes else { break }
            lines.append(line)
        }
        return lines.reversed()
    }

    private static func reply(_ reply: HubReplyContext) -> String {
        let sender = reply.isOwn ? "you" : ForeignText.label(reply.sender)
        let id = ForeignText.label(reply.messageID)
        let word = reply.isQuote ? "Quoting" : "Replying to"
        let end = reply.isQuote ? "[/Quoting]" : "[/Replying]"
        let head = [word, sender.isEmpty ? "a message" : sender, id.isEmpty ? "" : "id:\(id)"].filter { !$0.isEmpty }
        return "[\(head.joined(separator: " "))]\n\(ForeignText.body(reply.text.cut(toBytes: contextLimit)))\n\(end)"
    }
}
