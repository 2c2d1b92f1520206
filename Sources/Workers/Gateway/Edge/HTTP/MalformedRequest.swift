internal import NIOCore
internal import NIOHTTP1

/// Ends a connection whose request was no HTTP or over the bounds. NIO's own handler in front of it has written the 400,
/// says `Connection: close` and leaves the closing to us.
final class MalformedRequest: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        context.close(mode: .output, promise: nil)
        // What the client still sends is read for a moment, or its end would be a reset and the 400 lost.
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }
}
