package import NIOCore
internal import SwiftProtobuf

/// The framing of links: u32 length big-endian (of type and message), u8 type, protobuf.
package enum Frame {
    /// Most bytes of type and message together.
    package static let lengthLimit = 1024 * 1024

    /// Appends the wire form of `message`. Throws `tooLong` when it would exceed the bound; the buffer is then as it was.
    package static func encode(_ message: HubMessage, into buffer: inout ByteBuffer) throws(FrameError) {
        let bytes: [UInt8]
        do {
            bytes = try message.message.serializedBytes()
        } catch {
            throw .malformed(message.type)
        }
        guard bytes.count < lengthLimit else { throw .tooLong(bytes.count + 1) }
        buffer.writeInteger(UInt32(bytes.count + 1))
        buffer.writeInteger(message.type)
        buffer.writeBytes(bytes)
    }

    /// Appends the wire form of a MEDIA_CHUNK that carries `bytes`: as it comes of the message, with two copies less. The caller
    /// keeps within the bound.
    package static func encode(chunk bytes: ByteBuffer, into frame: inout ByteBuffer) {
        let length = bytes.readableBytes
        var varint: [UInt8] = []
        var rest = length
        repeat {
            varint.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        // Field 1, length-delimited; protobuf leaves an empty one out.
        let body = length == 0 ? 0 : 1 + varint.count + length
        frame.reserveCapacity(minimumWritableBytes: 5 + body)
        frame.writeInteger(UInt32(body + 1))
        frame.writeInteger(chunkType)
        guard length > 0 else { return }
        frame.writeInteger(0x0A as UInt8)
        frame.writeBytes(varint)
        frame.writeImmutableBuffer(bytes)
    }

    private static let chunkType = HubMessage.mediaChunk(HubMediaChunk()).type

    /// Takes the next frame off the front of `buffer`; nil, with the buffer untouched, until it is whole.
    package static func decode(from buffer: inout ByteBuffer) throws(FrameError) -> HubMessage? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return nil }
        guard length > 0 else { throw .empty }
        guard length <= lengthLimit else { throw .tooLong(Int(length)) }
        guard buffer.readableBytes >= 4 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let type = buffer.readInteger(as: UInt8.self), let bytes = buffer.readBytes(length: Int(length) - 1)
        else { throw .empty }
        return try HubMessage(type: type, bytes: bytes)
    }
}
