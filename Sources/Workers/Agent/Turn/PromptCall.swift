internal import IPCHub
internal import Runtime

/// A model call as the agent holds it: the pictures are still files.
struct PromptCall: Sendable {
    /// Its image blocks are empty.
    var call: ModelCall
    /// One for each image block, in their order.
    var pictures: [Picture] = []

    /// The call in frames. One message whose pictures do not fit goes in several frames: a frame that ends in a picture's
    /// piece with `more` is continued by the next one (`docs/ipc.md` section 2).
    func frames(_ send: (HubMessage) async throws -> Void) async throws {
        try await send(.modelRequest(call.request))
        var pictures = pictures[...]
        for message in call.messages {
            guard message.blocks.contains(where: \.isImage) else {
                try await send(.modelMessage(message))
                continue
            }
            var part = HubModelMessage()
            part.role = message.role
            for block in message.blocks {
                guard block.isImage else {
                    part.blocks.append(block)
                    continue
                }
                // A piece and all that a message may hold besides would be more than a frame takes. The provider is then
                // given two messages of one role, which it joins.
                if Self.size(part) > Self.roomForPiece { try await flush(&part, send) }
                guard let picture = pictures.popFirst() else { continue }
                try await picture.pieces { piece in
                    part.blocks.append(piece)
                    if piece.isImage, piece.image.more { try await flush(&part, send) }
                }
                if Self.size(part) > Self.roomForPiece { try await flush(&part, send) }
            }
            if !part.blocks.isEmpty { try await flush(&part, send) }
        }
        try await send(.modelRequestEnd(HubModelRequestEnd()))
    }

    /// Bytes that may stand in a frame to which a picture's piece, or the rest of the message, is added.
    private static let roomForPiece = 256 * 1024

    private static func size(_ message: HubModelMessage) -> Int {
        message.blocks.reduce(0) { $0 + ModelHistory.size($1) }
    }

    private func flush(_ part: inout HubModelMessage, _ send: (HubMessage) async throws -> Void) async throws {
        try await send(.modelMessage(part))
        part.blocks = []
    }

    /// The same call with words in the place of its pictures.
    func withoutPictures(_ words: String) -> PromptCall {
        var plain = call
        for index in plain.messages.indices {
            plain.messages[index].blocks = plain.messages[index].blocks.map { $0.isImage ? .with(text: words) : $0 }
        }
        return PromptCall(call: plain)
    }
}

extension HubModelBlock {
    var isImage: Bool { if case .image? = block { true } else { false } }
}
