internal import Config
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

/// An answer as outbox rows: text in chunks, then what else goes out. A row is one call to the network wherever that is
/// possible, so that a row in doubt is one thing in doubt.
struct AnswerParts {
    let network: String
    let chunker: Chunker

    init(_ access: ChannelAccess?, channel: String) {
        let parts = channel.split(separator: ":")
        network = parts.count > 1 ? String(parts[1]) : channel
        chunker = Chunker(access, network: network)
    }

    func rows(text: String, parts: [HubOutgoing], replyTo: String) -> [OutboxPart] {
        var rows: [OutboxPart] = []
        for (index, chunk) in chunker.chunks(of: text).enumerated() {
            var content = HubOutgoing()
            if index == 0 { content.messageID = replyTo }
            rows.append(Self.row(content, chunk))
        }
        for part in parts.prefix(Self.mostParts) { rows += self.rows(of: part) }
        return rows
    }

    /// Parts of one answer beyond this are left out.
    static let mostParts = 100

    /// One thing to say or do, in as many rows as it takes.
    func rows(of part: HubOutgoing) -> [OutboxPart] {
        switch part.kind {
        case .reaction: return [Self.row(part, "", isMinor: true)]
        case .delete: return [Self.row(part, "")]
        case .edit: return [Self.row(part, chunker.chunks(of: part.text).first ?? "")]
        case .message, .UNRECOGNIZED: return messageRows(of: part)
        }
    }

    private func messageRows(of part: HubOutgoing) -> [OutboxPart] {
        var rows: [OutboxPart] = []
        var text = part.text
        for (index, files) in groups(part).enumerated() {
            var content = HubOutgoing()
            content.media = files
            content.asVoice = index == 0 && part.asVoice
            if index == 0 { content.messageID = part.messageID }
            // Telegram's captions are short; longer words follow as messages of their own.
            let isCaption = index == 0 && text.utf16.count <= captionLimit && mayHaveCaption(content)
            rows.append(Self.row(content, isCaption ? text : ""))
            if isCaption { text = "" }
        }
        for (index, chunk) in chunker.chunks(of: text).enumerated() {
            var content = HubOutgoing()
            if index == 0, rows.isEmpty { content.messageID = part.messageID }
            rows.append(Self.row(content, chunk))
        }
        guard !part.buttons.isEmpty else { return rows }
        // Under the last words; a message of buttons alone has nothing to hang them on.
        guard let last = rows.popLast() else { return rows }
        var content = Self.content(of: last)
        content.buttons = part.buttons
        return rows + [Self.row(content, last.text)]
    }

    private var captionLimit: Int { network == "telegram" ? 1024 : chunker.limit }

    private func mayHaveCaption(_ content: HubOutgoing) -> Bool {
        network != "telegram" || content.media.first?.kind != .sticker
    }

    /// What one call of the network takes: ten files of a kind that goes together.
    private func groups(_ part: HubOutgoing) -> [[HubMedia]] {
        var groups: [[HubMedia]] = []
        for (index, file) in part.media.prefix(Self.mostParts).enumerated() {
            let isAlone = index == 0 && part.asVoice
            if let last = groups.last, last.count < 10, !isAlone, !(groups.count == 1 && part.asVoice),
                let neighbour = last.first, goTogether(neighbour, file)
            {
                groups[groups.count - 1].append(file)
            } else {
                groups.append([file])
            }
        }
        return groups
    }

    private func goTogether(_ first: HubMedia, _ second: HubMedia) -> Bool {
        guard network == "telegram" else { return true }
        // Telegram's sendMediaGroup: photos and videos mix, documents and audio go among themselves, the rest alone.
        return switch (first.kind, second.kind) {
        case (.image, .image), (.image, .video), (.video, .image), (.video, .video): true
        case (.file, .file), (.audio, .audio): true
        default: false
        }
    }

    static func row(_ content: HubOutgoing, _ text: String, isMinor: Bool = false) -> OutboxPart {
        var content = content
        content.text = ""
        // Frames that it came in were bounded, so this cannot fail.
        let payload: [UInt8] = (try? content.serializedBytes()) ?? []
        return OutboxPart(text: text, payload: payload, isMinor: isMinor)
    }

    /// What a row says, whole again.
    static func content(of part: OutboxPart) -> HubOutgoing {
        // Written by this program; what cannot be read back goes out as its text.
        var content = (try? HubOutgoing(serializedBytes: part.payload)) ?? HubOutgoing()
        content.text = part.text
        return content
    }
}
