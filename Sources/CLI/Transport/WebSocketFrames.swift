/// The client's half of RFC 6455: whole text messages out, masked; messages in, put together from their fragments.
struct WebSocketFrames {
    /// The longest message taken from a gateway. Its lists are bounded far below that.
    static let longestMessage = 32 * 1024 * 1024

    /// Something that a server sent.
    enum Message: Equatable {
        case data([UInt8])
        case ping([UInt8])
        case close(code: UInt16?, reason: String)
    }

    /// A server that does not speak the protocol.
    struct Malformed: Error, Equatable {
        var text: String
    }

    private var waiting: [UInt8] = []
    private var start = 0
    private var fragments: [UInt8] = []
    private var isFragmented = false

    /// Adds what was read from the socket.
    mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            waiting.removeFirst(start)
            start = 0
        }
        waiting.append(contentsOf: bytes)
    }

    /// The next whole message; nil until more bytes are there. Pongs are skipped.
    mutating func next() throws(Malformed) -> Message? {
        while let frame = try frame() {
            switch frame.opcode {
            case 0, 1, 2:
                guard (frame.opcode == 0) == isFragmented else { throw Malformed(text: "a fragment out of place") }
                guard fragments.count + frame.payload.count <= Self.longestMessage else {
                    throw Malformed(text: "a message of more than \(Self.longestMessage) bytes")
                }
                fragments += frame.payload
                isFragmented = !frame.isFinal
                guard frame.isFinal else { continue }
                defer { fragments = [] }
                return .data(fragments)
            case 8: return Self.close(frame.payload)
            case 9: return .ping(frame.payload)
            case 10: continue
            default: throw Malformed(text: "a frame of kind \(frame.opcode)")
            }
        }
        return nil
    }

    private static func close(_ payload: [UInt8]) -> Message {
        guard payload.count >= 2 else { return .close(code: nil, reason: "") }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        return .close(code: code, reason: String(decoding: payload[2...], as: UTF8.self))
    }

    private mutating func frame() throws(Malformed) -> (opcode: UInt8, isFinal: Bool, payload: [UInt8])? {
        let bytes = waiting[start...]
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (waiting[start], waiting[start + 1])
        guard first & 0x70 == 0, second & 0x80 == 0 else {
            throw Malformed(text: "a frame with bits that we never agreed on")
        }
        let lengthBytes = second == 127 ? 8 : second == 126 ? 2 : 0
        guard bytes.count >= 2 + lengthBytes else { return nil }
        var length = UInt64(second)
        if lengthBytes > 0 {
            length = waiting[(start + 2)..<(start + 2 + lengthBytes)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard length <= Self.longestMessage else { throw Malformed(text: "a frame of \(length) bytes") }
        let begin = start + 2 + lengthBytes
        let end = begin + Int(length)
        guard waiting.count >= end else { return nil }
        start = end
        return (first & 0x0F, first & 0x80 != 0, Array(waiting[begin..<end]))
    }

    /// One final frame of a client. `opcode`: 1 text, 8 close, 10 pong.
    static func encode(_ payload: [UInt8], opcode: UInt8 = 1, mask: [UInt8] = randomMask()) -> [UInt8] {
        var frame = [0x80 | opcode]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        frame += mask
        frame += payload.enumerated().map { $1 ^ mask[$0 & 3] }
        return frame
    }

    private static func randomMask() -> [UInt8] { (0..<4).map { _ in .random(in: 0...255) } }
}
