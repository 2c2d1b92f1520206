internal import NIOCore
internal import NIOHTTP1

/// One connection of the webhook's listener.
final class WebhookHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case reading(HTTPRequestHead, [UInt8])
        /// The rest of the request is passed over; the answer is this.
        case passing(HTTPRequestHead, HTTPResponseStatus, String)
        case answering(HTTPRequestHead)
        case closed
    }

    private let listener: WebhookListener
    private let request: WebhookRequest
    private let receive: WebhookListener.Receive
    private var state = State.idle
    private var held = 0
    private var deadline: Scheduled<Void>?
    /// An update's way into the journal; given up with its request, which Telegram repeats.
    private var taking: Task<Void, Never>?

    init(listener: WebhookListener, request: WebhookRequest, receive: @escaping WebhookListener.Receive) {
        self.listener = listener
        self.request = request
        self.receive = receive
    }

    func channelActive(context: ChannelHandlerContext) {
        limit(listener.requestLimit, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        letGo()
        state = .closed
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle):
            switch request.decide(head) {
            case .read: state = .reading(head, [])
            case .answer(let status, let text): state = .passing(head, status, text)
            }
        case (.body(let part), .reading(let head, var body)):
            state = .idle  // one reference, so that the bytes are not copied
            guard body.count + part.readableBytes <= WebhookRequest.bodyBytes else {
                return refuse(head, .payloadTooLarge, context)
            }
            guard listener.hold(part.readableBytes) else { return refuse(head, .serviceUnavailable, context) }
            held += part.readableBytes
            body.append(contentsOf: part.readableBytesView)
            state = .reading(head, body)
        case (.end, .reading(let head, let body)):
            state = .answering(head)
            limit(listener.answerLimit, context)
            take(body, context)
        case (.end, .passing(let head, let status, let text)):
            // Whoever does not know the secret is not kept.
            answer(head, status, text, closes: status == .unauthorized, context)
        case (.body, .passing): break
        case (_, _): break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// The rest of the body is not waited for.
    private func refuse(_ head: HTTPRequestHead, _ status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
        answer(head, status, "try again later", closes: true, context)
    }

    private func take(_ body: [UInt8], _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let receive = receive
        taking = Task {
            let status = await receive(body)
            loop.execute {
                let (handler, context) = bound.value
                guard case .answering(let head) = handler.state else { return }
                handler.answer(head, status, status == .ok ? "" : "try again later", closes: false, context)
            }
        }
    }

    private func answer(
        _ head: HTTPRequestHead,
        _ status: HTTPResponseStatus,
        _ text: String,
        closes: Bool,
        _ context: ChannelHandlerContext
    ) {
        letGo()
        let isKept = head.isKeepAlive && !closes
        var headers = HTTPHeaders([
            ("content-length", String(text.utf8.count)), ("content-type", "text/plain; charset=utf-8"),
        ])
        headers.add(name: "connection", value: isKept ? "keep-alive" : "close")
        let response = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if head.method != .HEAD, !text.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        guard isKept else {
            state = .closed
            return context.close(promise: nil)
        }
        state = .idle
        limit(listener.requestLimit, context)
    }

    private func letGo() {
        listener.release(held)
        held = 0
        taking?.cancel()
        taking = nil
    }

    /// Ends the connection when nothing came of it in time: 503 for an update that waits, silence for the rest.
    private func limit(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = bound.value
            if case .answering(let head) = handler.state {
                handler.answer(head, .serviceUnavailable, "try again later", closes: true, context)
            } else {
                context.close(promise: nil)
            }
        }
    }
}
