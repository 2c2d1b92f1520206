internal import NIOCore
internal import NIOHTTP1

/// Who a connection works for, one request at a time. On its event loop.
protocol ProviderConnectionUser: AnyObject {
    func head(_ head: HTTPResponseHead)
    func body(_ bytes: ByteBuffer)
    /// The response is whole.
    func end()
    /// Nothing follows. The connection is closed, or will be.
    func broke(_ error: any Error)
    /// False: nothing is read until `ProviderConnection.readOn`.
    var mayRead: Bool { get }
}

/// One HTTP/1.1 connection to a provider, behind NIO's codec.
final class ProviderConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Longest piece of a body that is handed to the socket at once.
    private static let pieceBytes = 64 * 1024

    private let pool: ProviderConnections
    private var context: ChannelHandlerContext?
    private weak var user: (any ProviderConnectionUser)?
    /// What of the request's body the socket has not taken.
    private var rest: ArraySlice<ArraySlice<UInt8>> = []
    private var isSent = true
    private var isKept = false
    private var isOver = false
    private var isReadPending = false
    /// It has carried a request before: the provider may have closed it without anybody having noticed.
    private(set) var isReused = false
    var expiry: Scheduled<Void>?

    init(_ pool: ProviderConnections) { self.pool = pool }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Sends a request for `user`, who hears of its response until `end` or `broke`.
    func send(_ head: HTTPRequestHead, _ body: [ArraySlice<UInt8>], for user: any ProviderConnectionUser) {
        guard let context, !isOver else { return user.broke(ChannelError.alreadyClosed) }
        self.user = user
        (rest, isSent, isKept) = (body[...], false, false)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        sendOn(context)
        readOn()
    }

    private func sendOn(_ context: ChannelHandlerContext) {
        guard !isSent else { return }
        while let piece = rest.first {
            guard context.channel.isWritable else { return context.flush() }
            let part = piece.prefix(Self.pieceBytes)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: part)))), promise: nil)
            if part.count < piece.count {
                rest[rest.startIndex] = piece.dropFirst(part.count)
            } else {
                rest.removeFirst()
            }
        }
        isSent = true
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// The user takes more, or nobody does and the end is waited for.
    func readOn() {
        guard !isReadPending, let context else { return }
        isReadPending = true
        context.read()
    }

    func close() {
        user = nil
        isOver = true
        rest = []
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let user else { return close() }
        switch unwrapInboundIn(data) {
        case .head(let head):
            // 100 and 103 come before the real one.
            guard head.status.code >= 200 else { return }
            isKept = head.isKeepAlive
            user.head(head)
        case .body(let bytes): user.body(bytes)
        case .end:
            self.user = nil
            if isKept, isSent, !isOver {
                isReused = true
                pool.rest(self)
            } else {
                close()
            }
            user.end()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadPending = false
        if user?.mayRead ?? true, !isOver { readOn() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { sendOn(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        broke(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        broke(error)
        context.close(promise: nil)
    }

    private func broke(_ error: any Error) {
        isOver = true
        rest = []
        pool.lost(self)
        guard let user else { return }
        self.user = nil
        user.broke(error)
    }
}
