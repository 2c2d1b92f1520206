internal import NIOCore
internal import NIOHTTP1

/// One connection of a webhook's listener.
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
    private let receive: WebhookListener.Receive
    private var peer = ""
    /// Whom the request that is being read is counted for.
    private var key: String?
    private var state = State.idle
    private var held = 0
    private var deadline: Scheduled<Void>?
    /// What takes a request; given up with its connection.
    private var taking: Task<Void, Never>?

    init(listener: WebhookListener, receive: @escaping WebhookListener.Receive) {
        self.listener = listener
        self.receive = receive
    }

    func channelActive(context: ChannelHandlerContext) {
        peer = context.remoteAddress?.ipAddress ?? ""
        limit(listener.rules.requestLimit, context)
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
            switch listener.rules.decide(head, peer) {
            case .read: begin(head, context)
            case .answer(let status, let text): state = .passing(head, status, text)
            }
        case (.body(let part), .reading(let head, var body)):
            state = .idle  // one reference, so that the bytes are not copied
            guard body.count + part.readableBytes <= listener.rules.bodyBytes else {
                return refuse(head, .payloadTooLarge, context)
            }
            guard listener.hold(part.readableBytes) else { return refuse(head, .serviceUnavailable, context) }
            held += part.readableBytes
            body.append(contentsOf: part.readableBytesView)
            state = .reading(head, body)
        case (.end, .reading(let head, let body)):
            state = .answering(head)
            dismiss()
            limit(listener.rules.answerLimit, context)
            take(WebhookRequestBody(head: head, body: body, peer: peer), context)
        case (.end, .passing(let head, let status, let text)):
            // Whoever does not know the secret is not kept.
            answer(head, WebhookAnswer(status, text), closes: status == .unauthorized, context)
        case (.body, .passing): break
        case (_, _): break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if let key = listener.rules.key?(head, peer) {
            guard listener.admit(key) else { return refuse(head, .tooManyRequests, context) }
            self.key = key
        }
        state = .reading(head, [])
    }

    private func dismiss() {
        if let key { listener.dismiss(key) }
        key = nil
    }

    /// The rest of the body is not waited for.
    private func refuse(_ head: HTTPRequestHead, _ status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
        answer(head, WebhookAnswer(status, "try again later"), closes: true, context)
    }

    private func take(_ request: WebhookRequestBody, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let receive = receive
        taking = Task {
            let answer = await receive(request)
            // Of a request that is over already this is the last that is heard: the answer's owner must know.
            let isCancelled = Task.isCancelled
            loop.execute {
                let (handler, context) = bound.value
                guard !isCancelled, case .answering(let head) = handler.state else {
                    answer.written?(false)
                    return
                }
                handler.answer(head, answer, closes: answer.status == .unauthorized, context)
            }
        }
    }

    private func answer(
        _ head: HTTPRequestHead,
        _ answer: WebhookAnswer,
        closes: Bool,
        _ context: ChannelHandlerContext
    ) {
        letGo()
        let isKept = head.isKeepAlive && !closes
        var headers = HTTPHeaders([
            ("content-length", String(answer.body.count)), ("content-type", answer.contentType),
        ])
        headers.add(contentsOf: HTTPHeaders(answer.headers))
        headers.add(name: "connection", value: isKept ? "keep-alive" : "close")
        let response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if head.method != .HEAD, !answer.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let promise = answer.written.map { written in
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { result in
                if case .success = result { written(true) } else { written(false) }
            }
            return promise
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
        guard isKept else {
            state = .closed
            return context.close(promise: nil)
        }
        state = .idle
        limit(listener.rules.requestLimit, context)
    }

    private func letGo() {
        dismiss()
        listener.release(held)
        held = 0
        taking?.cancel()
        taking = nil
    }

    /// Ends the connection when nothing came of it in time: 503 for a request that waits, silence for the rest.
    private func limit(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = bound.value
            if case .answering(let head) = handler.state {
                handler.refuse(head, .serviceUnavailable, context)
            } else {
                context.close(promise: nil)
            }
        }
    }
}
