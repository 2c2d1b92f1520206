internal import CZlib

/// The inflating half of `compress=zlib-stream`: one per connection, fed with the messages in order.
///
/// A message is complete when its bytes end with a sync flush (00 00 FF FF). What comes out is bounded, whatever a
/// compressed message claims to be. Not thread-safe; its owner is the task that reads the connection.
final class InflateStream {
    enum Failure: Error, Equatable, CustomStringConvertible {
        /// zlib's own code and words.
        case corrupt(String)
        case tooLarge(limit: Int)
        case noMemory

        var description: String {
            switch self {
            case .corrupt(let words): "the compressed stream is damaged (\(words))"
            case .tooLarge(let limit): "a message of the gateway inflates to more than \(limit) bytes"
            case .noMemory: "no memory for inflating"
            }
        }
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let limit: Int
    private var message: [UInt8] = []

    init(limit: Int = DiscordLimits.messageBytes) throws(Failure) {
        self.limit = limit
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits: the window of every zlib stream. The size guards against another version of the library.
        guard inflateInit2_(stream, 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .noMemory
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Takes the bytes of one WebSocket message. Returns the whole text once it is there, nil while more must come.
    ///
    /// After a failure the stream is of no use any more: the connection must be given up.
    func take(_ bytes: [UInt8]) throws(Failure) -> [UInt8]? {
        try inflateAll(bytes)
        guard bytes.count >= 4, bytes[(bytes.count - 4)...].elementsEqual([0x00, 0x00, 0xFF, 0xFF]) else { return nil }
        let whole = message
        message = []
        return whole
    }

    private func inflateAll(_ bytes: [UInt8]) throws(Failure) {
        var input = bytes
        var chunk = [UInt8](repeating: 0, count: min(64 << 10, limit + 1))
        let outcome: Failure? = input.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = UInt32(clamping: source.count)
            repeat {
                let (code, count) = chunk.withUnsafeMutableBufferPointer { target -> (Int32, Int) in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(clamping: target.count)
                    let code = inflate(stream, Z_SYNC_FLUSH)
                    return (code, target.count - Int(stream.pointee.avail_out))
                }
                guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                    return .corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib \(code)")
                }
                guard message.count + count <= limit else { return .tooLarge(limit: limit) }
                message.append(contentsOf: chunk[..<count])
                if code == Z_STREAM_END, stream.pointee.avail_in > 0 { return .corrupt("it ends too early") }
                // Nothing more to read, and the last piece did not fill the room for it.
                if count < chunk.count { return stream.pointee.avail_in == 0 ? nil : .corrupt("it does not go on") }
            } while true
        }
        stream.pointee.next_in = nil
        if let outcome {
            message = []
            throw outcome
        }
    }
}
