internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1

/// One plain HTTP request and its answer; the connection ends with it. Lives on the edge's event loop.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let core: EdgeCore
    private let peerOf: (HTTPRequestHead) -> ClientPeer
    private let onAdmission: () -> Void
    private var question: HTTPQuestion?
    private var bodyBytes = 0
    private var isAnswered = false
    private var late: Scheduled<Void>?
    private var context: ChannelHandlerContext?
    /// Set while the request goes on to a model worker.
    private var exchange: RelayExchange?
    private var version = HTTPVersion.http1_1

    /// - Parameter onAdmission: the client has proven itself, and the connection may stay for as long as it takes.
    init(core: EdgeCore, peerOf: @escaping (HTTPRequestHead) -> ClientPeer, onAdmission: @escaping () -> Void) {
        self.core = core
        self.peerOf = peerOf
        self.onAdmission = onAdmission
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        late = context.eventLoop.scheduleTask(in: core.limits.httpAnswer) { this.value.context?.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        late?.cancel()
        self.context = nil
        leaveExchange()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leaveExchange()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { exchange?.resume() }
        context.fireChannelWritabilityChanged()
    }

    private func leaveExchange() {
        guard let exchange else { return }
        self.exchange = nil
        exchange.abandon()
        core.relayEnded(exchange)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            let question = HTTPQuestion(
                method: head.method.rawValue,
                target: head.uri,
                // Anthropic's clients send their key in a header of its own.
                bearer: Self.bearer(head.headers) ?? head.headers.first(name: "x-api-key"),
                peer: peerOf(head)
            )
            self.question = question
            version = head.version
            beginExchange(question, head)
        case .body(let buffer):
            if let exchange {
                exchange.take(buffer.readableBytesView)
                return core.relayGrew(exchange)
            }
            bodyBytes += buffer.readableBytes
            if bodyBytes > core.limits.httpBodyBytes { answer(.text(413, "Payload Too Large")) }
        case .end:
            if let exchange { return exchange.complete() }
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

    /// Takes the request to a model worker where it is one for that, and may be.
    private func beginExchange(_ question: HTTPQuestion, _ head: HTTPRequestHead) {
        let headers = head.headers.map { (name: $0.name, value: $0.value) }
        switch core.relay(question, headers: headers, output: self) {
        case nil: return
        case .refused(let answer): self.answer(answer)
        case .begun(let exchange):
            self.exchange = exchange
            onAdmission()
            late?.cancel()
            let this = NIOLoopBound(self, eventLoop: core.eventLoop)
            late = core.eventLoop.scheduleTask(in: core.limits.relay) { this.value.context?.close(promise: nil) }
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

// MARK: - The answer to a relayed request

extension HTTPConnection: RelayOutput {
    var isWritable: Bool { context?.channel.isWritable ?? false }

    func head(status: Int, headers: [(name: String, value: String)]) {
        guard let context, !isAnswered else { return }
        isAnswered = true
        var fields = HTTPHeaders([("Connection", "close"), ("X-Content-Type-Options", "nosniff")])
        // How long the body is and how it travels is said here, by whoever writes it.
        let ours = ["content-length", "transfer-encoding", "connection", "keep-alive", "date", "set-cookie"]
        for header in headers where !ours.contains(header.name.lowercased()) && Self.isSafe(header) {
            fields.add(name: header.name, value: header.value)
        }
        // Its body travels in chunks, or to a client of HTTP/1.0 until the connection ends. It follows at once.
        let head = HTTPResponseHead(version: version, status: HTTPResponseStatus(statusCode: status), headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    func body(_ bytes: Data) {
        guard let context, isAnswered, !bytes.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
    }

    func end() {
        guard let context, isAnswered else { return }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            this.value.leaveExchange()
            this.value.linger()
        }
    }

    func cut() {
        leaveExchange()
        context?.close(promise: nil)
    }

    /// What a provider says may not break our response's head.
    private static func isSafe(_ header: (name: String, value: String)) -> Bool {
        !header.name.isEmpty && header.name.utf8.count <= 100 && header.value.utf8.count <= 4096
            && header.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            && header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
