internal import NIOCore
internal import NIOWebSocket

/// Makes messages of the frames of one connection: puts fragments together, inflates, bounds both.
struct MessageReader {
    enum Outcome {
        /// Nothing yet.
        case none
        case message([UInt8])
        case ping(ByteBuffer)
        case closed(code: Int?, reason: String)
        case broken(String)
    }

    private let inflater: InflateStream
    private var fragments: [UInt8] = []
    private var opcode: WebSocketOpcode?

    init() throws(InflateStream.Failure) {
        inflater = try InflateStream()
    }

    mutating func take(_ frame: WebSocketFrame) -> Outcome {
        var data = frame.unmaskedData
        switch frame.opcode {
        case .ping: return .ping(data)
        case .connectionClose:
            let code = data.readInteger(as: UInt16.self).map(Int.init)
            let reason = String(buffer: data).prefix(120).filter { !$0.isNewline }
            return .closed(code: code, reason: String(reason))
        case .text, .binary:
            fragments = []
            opcode = frame.opcode
        case .continuation:
            guard opcode != nil else { return .broken("Discord's gateway sent a fragment of nothing") }
        default: return .none
        }
        guard fragments.count + data.readableBytes <= DiscordLimits.frameBytes else {
            return .broken("Discord's gateway sent a message of more than \(DiscordLimits.frameBytes) bytes")
        }
        fragments.append(contentsOf: data.readableBytesView)
        guard frame.fin else { return .none }
        let whole = fragments
        fragments = []
        defer { opcode = nil }
        // Everything is compressed, but a text in the clear is what it says.
        guard opcode == .binary else { return .message(whole) }
        do {
            return try inflater.take(whole).map { .message($0) } ?? .none
        } catch {
            return .broken("Discord's gateway: \(error)")
        }
    }
}
