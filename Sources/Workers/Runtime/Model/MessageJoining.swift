internal import FoundationEssentials
internal import IPCHub

/// Puts a model call's messages together again: one whose last block is a piece of a picture with `more` goes on in the
/// next frame, whose first block is the picture's next piece.
struct MessageJoining {
    /// The message in hand, without its last block, and that block's picture so far.
    private var open: (message: HubModelMessage, mime: String, data: Data)?

    /// Whether no picture waits for its rest.
    var isWhole: Bool { open == nil }

    /// The message once it is whole; nil while more of it is to come. Throws when the pieces do not fit together.
    mutating func take(_ part: HubModelMessage) throws -> HubModelMessage? {
        var message = part
        if var open {
            self.open = nil
            guard part.role == open.message.role, case .image(let piece)? = part.blocks.first?.block else {
                throw HubLinkError.unexpected(HubMessage.modelMessage(part).type)
            }
            open.data.append(piece.data)
            // A picture in the middle of its pieces is all that such a frame holds.
            if piece.more {
                guard part.blocks.count == 1 else { throw HubLinkError.unexpected(HubMessage.modelMessage(part).type) }
                self.open = open
                return nil
            }
            var whole = HubModelBlock()
            whole.image.mime = open.mime
            whole.image.data = open.data
            message = open.message
            message.blocks.append(whole)
            message.blocks += part.blocks.dropFirst()
        }
        for block in message.blocks.dropLast() where Self.isUnfinished(block) {
            throw HubLinkError.unexpected(HubMessage.modelMessage(part).type)
        }
        guard case .image(let piece)? = message.blocks.last?.block, piece.more else { return message }
        message.blocks.removeLast()
        open = (message, piece.mime, piece.data)
        return nil
    }

    private static func isUnfinished(_ block: HubModelBlock) -> Bool {
        if case .image(let piece)? = block.block { piece.more } else { false }
    }
}
