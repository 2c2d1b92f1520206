internal import IPCHub

/// The calls that one row of the outbox needs, in order. Pure, the same for every try of the row.
struct SendScript: Equatable {
    enum Step: Equatable {
        /// `plain` is sent when there is no markup, or Telegram refuses it.
        case text(html: String?, plain: String, place: SendPlace)
        case file(HubMedia, FileMethod, caption: Caption?, place: SendPlace)
        case edit(message: Int64, html: String?, plain: String, place: SendPlace)
        case delete(message: Int64)
        /// Nil: it is taken away.
        case reaction(message: Int64, emoji: String?)

        /// Doing it twice is the same as doing it once.
        var isRepeatable: Bool {
            switch self {
            case .text, .file: false
            case .edit, .delete, .reaction: true
            }
        }
    }

    struct Caption: Equatable {
        var html: String?
        var plain: String
    }

    /// Why a row cannot be sent at all.
    struct Refusal: Error, Equatable {
        var words: String
    }

    /// Units of a message and of a caption, after the markup is read (Bot API, sendMessage and sendPhoto).
    static let textUnits = 4096
    static let captionUnits = 1024
    /// A longer text is sent without markup.
    static let markupUnits = 16_384
    static let fileLimit = 16

    private(set) var steps: [Step] = []

    init(_ send: HubSend, to target: ReplyTarget, replyToMode: String) throws(Refusal) {
        let content = send.content
        switch content.kind {
        case .message, .UNRECOGNIZED: try message(send, target, replyToMode)
        case .edit:
            let rich = Self.rich(content.text)
            guard let piece = rich.pieces(Self.textUnits).first else { throw Refusal(words: "an edit without a text") }
            let place = SendPlace(target: target, keyboard: Keyboard(content.buttons))
            steps = [
                .edit(
                    message: try Self.message(content.messageID, or: nil),
                    html: rich.markup(piece),
                    plain: rich.plain(piece),
                    place: place
                )
            ]
        case .delete: steps = [.delete(message: try Self.message(content.messageID, or: nil))]
        case .reaction:
            guard content.remove || !content.emoji.isEmpty else { throw Refusal(words: "a reaction without an emoji") }
            let message = try Self.message(content.messageID, or: target.message)
            steps = [.reaction(message: message, emoji: content.remove ? nil : content.emoji)]
        }
    }

    private mutating func message(_ send: HubSend, _ target: ReplyTarget, _ mode: String) throws(Refusal) {
        let content = send.content
        let rich = Self.rich(content.text)
        var pieces = rich.pieces(Self.textUnits)[...]
        var caption: Caption?
        if !content.media.isEmpty, pieces.count == 1, let piece = pieces.first, piece.count <= Self.captionUnits {
            caption = Caption(html: rich.markup(piece), plain: rich.plain(piece))
            pieces = []
        }
        for (index, media) in content.media.prefix(Self.fileLimit).enumerated() {
            steps.append(
                .file(
                    media,
                    FileMethod(media, asVoice: content.asVoice && index == 0),
                    caption: index == 0 ? caption : nil,
                    place: SendPlace(target: target)
                )
            )
        }
        for piece in pieces {
            steps.append(
                .text(html: rich.markup(piece), plain: rich.plain(piece), place: SendPlace(target: target))
            )
        }
        guard !steps.isEmpty else { throw Refusal(words: "a message with neither text nor file") }
        let explicit = Int64(content.messageID)
        let marksFirst = content.messageID != "none" && (mode == "all" || mode == "first" && send.first)
        let answered = explicit ?? (marksFirst ? target.message : nil)
        for index in steps.indices where index == 0 || mode == "all" {
            steps[index].place { $0.reply = answered }
        }
        steps[caption == nil ? steps.count - 1 : 0].place { $0.keyboard = Keyboard(content.buttons) }
    }

    /// The text with its markup, or without when it is too long to look for any.
    private static func rich(_ text: String) -> RichText {
        guard text.utf16.count > markupUnits else { return Markdown.parse(text) }
        var plain = RichText()
        plain.append(text)
        return plain
    }

    private static func message(_ id: String, or other: Int64?) throws(Refusal) -> Int64 {
        if let number = Int64(id) { return number }
        guard id.isEmpty, let other else { throw Refusal(words: "\(id.prefix(32)) is no number of a message") }
        return other
    }
}

extension SendScript.Step {
    /// Changes where a text or a file goes and what hangs on it.
    mutating func place(_ change: (inout SendPlace) -> Void) {
        switch self {
        case .text(let html, let plain, var place):
            change(&place)
            self = .text(html: html, plain: plain, place: place)
        case .file(let media, let method, let caption, var place):
            change(&place)
            self = .file(media, method, caption: caption, place: place)
        case .edit(let message, let html, let plain, var place):
            change(&place)
            self = .edit(message: message, html: html, plain: plain, place: place)
        case .delete, .reaction: break
        }
    }
}

extension RichText {
    /// HTML, or nil where the words alone say the same.
    fileprivate func markup(_ range: Range<Int>) -> String? { isMarked(range) ? html(range) : nil }
}
