package import NIOCore

/// Frames off a channel, for `ByteToMessageHandler`. A malformed frame is thrown and ends the channel.
package struct FrameDecoder: NIOSingleStepByteToMessageDecoder {
    package typealias InboundOut = HubMessage

    package init() {}

    package mutating func decode(buffer: inout ByteBuffer) throws -> HubMessage? {
        try Frame.decode(from: &buffer)
    }

    package mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> HubMessage? {
        // What a dead peer sent is still read to its end; a frame that was cut is dropped with the link.
        try Frame.decode(from: &buffer)
    }
}

/// Frames onto a channel, for `MessageToByteHandler`.
package struct FrameEncoder: MessageToByteEncoder {
    package typealias OutboundIn = HubMessage

    package init() {}

    package func encode(data: HubMessage, out: inout ByteBuffer) throws {
        try Frame.encode(data, into: &out)
    }
}
