internal import NIOCore
internal import NIOHTTP1

/// One plain HTTP request and its answer; the connection ends with it. Lives on the edge's event loop.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let core: EdgeCore
    private let peerOf: (HTTPRequestHead) -> ClientPeer
    private var question: HTTPQuestion?
    private var bodyBytes = 0
    private var isAnswered = false
    private var late: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(core: EdgeCore, peerOf: @escaping (HTTPRequestHead) -> ClientPeer) {
        self.core = core
        self.peerOf = peerOf
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        late = context.eventLoop.scheduleTask(in: core.limits.httpAnswer) { this.value.context?.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        late?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            question = HTTPQuestion(
                method: head.method.rawValue,
                target: head.uri,
                bearer: Self.bearer(head.headers),
                peer: peerOf(head)
            )
        case .body(let buffer):
            bodyBytes += buffer.readableBytes
            if bodyBytes > core.limits.httpBodyBytes { answer(.text(413, "Payload Too Large")) }
        case .end:
            guard let question else { return answer(.text(400, "Bad Request")) }
            ask(question)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private static func bearer(_ headers: HTTPHeaders) -> String? {
        guard let value = headers.first(name: "authorization"), value.lowercased().hasPrefix("bearer ") else {
            return nil
        }
        return String(value.dropFirst("bearer ".count)).trimmingSpace
    }

    private func ask(_ question: HTTPQuestion) {
        guard let context else { return }
        if let answer = core.answerNow(question) { return self.answer(answer) }
        let eventLoop = context.eventLoop
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let ask = core.answerLater(question)
        // Ends with the engine's answer; `httpAnswer` ends the connection if that takes too long.
        Task {
            let answer = await ask()
            eventLoop.execute { this.value.answer(answer) }
        }
    }

    private func answer(_ answer: HTTPAnswer) {
        guard let context, !isAnswered else { return }
        isAnswered = true
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: answer.contentType)
        headers.add(name: "Content-Length", value: String(answer.body.count))
        headers.add(name: "Connection", value: "close")
        for header in answer.headers { headers.add(name: header.name, value: header.value) }
        let head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: answer.status),
            headers: headers
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if question?.method != "HEAD" {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            this.value.linger()
        }
    }

    /// Half-closes, then waits a moment for the client to close: a full close with unread bytes left would reset the
    /// connection and could cost the client the answer.
    private func linger() {
        guard let context else { return }
        context.close(mode: .output, promise: nil)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(1)) { this.value.context?.close(promise: nil) }
    }
}
