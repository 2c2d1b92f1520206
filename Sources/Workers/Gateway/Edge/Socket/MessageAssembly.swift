internal import NIOCore
internal import NIOWebSocket

/// Puts the fragments of a WebSocket message together, within a bound (RFC 6455 section 5.4).
struct MessageAssembly {
    /// What came of a data frame.
    enum Outcome: Equatable {
        case incomplete
        case message([UInt8])
        /// Close with this code.
        case violation(WebSocketErrorCode)
    }

    private let limit: Int
    private var fragments: ByteBuffer?

    init(limit: Int) {
        self.limit = limit
    }

    /// `data` unmasked. Text and binary are taken alike: the Swift apps send binary.
    mutating func take(opcode: WebSocketOpcode, isFinal: Bool, data: ByteBuffer) -> Outcome {
        switch (opcode, fragments) {
        case (.continuation, nil), (.text, .some), (.binary, .some): return .violation(.protocolError)
        case (.text, nil), (.binary, nil): break
        case (.continuation, .some): break
        default: return .violation(.protocolError)
        }
        guard (fragments?.readableBytes ?? 0) + data.readableBytes <= limit else {
            fragments = nil
            return .violation(.messageTooLarge)
        }
        if isFinal, fragments == nil { return .message(Array(data.readableBytesView)) }
        var whole = fragments ?? ByteBuffer()
        whole.writeImmutableBuffer(data)
        fragments = isFinal ? nil : whole
        return isFinal ? .message(Array(whole.readableBytesView)) : .incomplete
    }
}
