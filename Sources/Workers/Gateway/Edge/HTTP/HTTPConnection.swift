internal import FoundationEssentials
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Plain HTTP requests of one connection, one after another, and their answers. The connection ends with the first answer,
/// unless that is one to a relayed request and in one piece (docs/decisions/0052 and 0192). Lives on the edge's event loop.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let core: EdgeCore
    private let peerOf: (HTTPRequestHead) -> ClientPeer
    private let onAdmission: () -> Void
    private let onDoubt: () -> Void
    private let upgrade: (HTTPConnection) throws -> Void
    private var context: ChannelHandlerContext?
    private var deadline: MovingDeadline?
    /// Requests that were answered while the connection stayed.
    private var served = 0
    /// Every part that comes belongs to whoever stands behind.
    private var isHandedOver = false

    // Of the request in hand.
    private var question: HTTPQuestion?
    private var bodyBytes = 0
    private var isWhole = false
    private var isAnswered = false
    /// Set while the request goes on to a model worker.
    private var exchange: RelayExchange?
    private var version = HTTPVersion.http1_1
    /// The client would send another on the same connection.
    private var wantsMore = false

    // Of the answer to it, when it is relayed.
    private var keeps = false
    private var body = Body.none
    private var isUnflushed = false

    private enum Body {
        case none
        case plain
        /// Framed here, in one write for each piece, past the encoder, which would make three of it.
        case chunks(ChannelHandlerContext)
    }

    /// - Parameters:
    ///   - onAdmission: the client has proven itself, and the connection may stay for as long as it takes.
    ///   - onDoubt: what comes now is not from who proved itself, or not known to be.
    ///   - upgrade: puts what a request to upgrade is answered by right behind the connection, in its place.
    init(
        core: EdgeCore,
        peerOf: @escaping (HTTPRequestHead) -> ClientPeer,
        onAdmission: @escaping () -> Void,
        onDoubt: @escaping () -> Void,
        upgrade: @escaping (HTTPConnection) throws -> Void
    ) {
        self.core = core
        self.peerOf = peerOf
        self.onAdmission = onAdmission
        self.onDoubt = onDoubt
        self.upgrade = upgrade
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let deadline = MovingDeadline(on: context.eventLoop) { [weak self] in self?.close() }
        deadline.set(in: core.limits.httpAnswer)
        self.deadline = deadline
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
        core.kept.remove(self)
        leaveExchange()
    }

    func channelInactive(context: ChannelHandlerContext) {
        core.kept.remove(self)
        leaveExchange()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { exchange?.resume() }
        context.fireChannelWritabilityChanged()
    }

    func close() { context?.close(promise: nil) }

    private func leaveExchange() {
        guard let exchange else { return }
        self.exchange = nil
        core.relayEnded(exchange)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isHandedOver { return context.fireChannelRead(data) }
        guard !isAnswered else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            if served > 0 {
                core.kept.remove(self)
                if Self.wantsWebSocket(head) { return handOver(context, data) }
            }
            begin(head)
        case .body(let buffer):
            if let exchange {
                exchange.take(buffer.readableBytesView)
                return core.relayGrew(exchange)
            }
            bodyBytes += buffer.readableBytes
            if bodyBytes > core.limits.httpBodyBytes { answer(.text(413, "Payload Too Large")) }
        case .end:
            isWhole = true
            if let exchange { return exchange.complete() }
            guard let question else { return answer(.text(400, "Bad Request")) }
            ask(question)
        }
    }

    /// A reverse proxy may send an upgrade on a connection that it has kept.
    private func handOver(_ context: ChannelHandlerContext, _ head: NIOAny) {
        isHandedOver = true
        onDoubt()
        do {
            try upgrade(self)
        } catch {
            core.log.error("a connection could not become a WebSocket: \(error)")
            return close()
        }
        context.fireChannelRead(head)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private static func wantsWebSocket(_ head: HTTPRequestHead) -> Bool {
        head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    }

    private func begin(_ head: HTTPRequestHead) {
        let question = HTTPQuestion(
            method: head.method.rawValue,
            target: head.uri,
            // Anthropic's clients send their key in a header of its own.
            bearer: Self.bearer(head.headers) ?? head.headers.first(name: "x-api-key"),
            peer: peerOf(head)
        )
        self.question = question
        version = head.version
        // The decoder reads nothing behind a request that would upgrade, whatever to.
        wantsMore = head.version == .http1_1 && head.isKeepAlive && !head.headers.contains(name: "upgrade")
        let reception = core.relay(question, headers: { head.headers.map { ($0.name, $0.value) } }, output: self)
        if case .begun(let exchange) = reception {
            self.exchange = exchange
            if served == 0 { onAdmission() }
            deadline?.set(in: core.limits.relay)
            return
        }
        if served > 0 {
            onDoubt()
            deadline?.set(in: core.limits.httpAnswer)
        }
        if case .refused(let answer) = reception { self.answer(answer) }
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

// MARK: - The answer to a relayed request

extension HTTPConnection: RelayOutput {
    var isWritable: Bool { context?.channel.isWritable ?? false }

    func head(status: Int, headers: [(name: String, value: String)], framing: RelayFraming) {
        guard let context, !isAnswered else { return }
        isAnswered = true
        keeps = wantsMore && isWhole && framing != .events && !core.isDraining
        var fields = HTTPHeaders()
        fields.reserveCapacity(headers.count + 3)
        if !keeps { fields.add(name: "Connection", value: "close") }
        fields.add(name: "X-Content-Type-Options", value: "nosniff")
        for header in headers where !Self.isOurs(header.name) && Self.isSafe(header) {
            fields.add(name: header.name, value: header.value)
        }
        let status = HTTPResponseStatus(statusCode: status)
        body = .none
        if status.mayHaveResponseBody {
            body = .plain
            if case .whole(let count) = framing {
                fields.add(name: "Content-Length", value: String(count))
            } else if version == .http1_1, let encoder = Self.encoder(context) {
                body = .chunks(encoder)
            }
        }
        // In chunks, or to a client of HTTP/1.0 until the connection ends, where its length is not known.
        let head = HTTPResponseHead(version: version, status: status, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        isUnflushed = true
    }

    func body(_ bytes: Data) {
        guard let context, isAnswered, !bytes.isEmpty else { return }
        switch body {
        case .none: return
        case .plain: context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        case .chunks(let encoder):
            var chunk = context.channel.allocator.buffer(capacity: bytes.count + 16)
            chunk.writeString(String(bytes.count, radix: 16))
            chunk.writeStaticString("\r\n")
            chunk.writeBytes(bytes)
            chunk.writeStaticString("\r\n")
            encoder.write(NIOAny(IOData.byteBuffer(chunk)), promise: nil)
        }
        isUnflushed = true
    }

    func flush() {
        guard isUnflushed else { return }
        isUnflushed = false
        context?.flush()
    }

    func end() {
        guard let context, isAnswered else { return }
        isUnflushed = false
        let keeps = keeps
        // The next request may come out of the write, when the client did not wait for this answer.
        if keeps { forget() }
        let number = served
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            if keeps { return this.value.rest(after: number) }
            this.value.leaveExchange()
            this.value.linger()
        }
    }

    func cut() {
        flush()
        leaveExchange()
        close()
    }

    /// The connection is as it was before its first request.
    private func forget() {
        leaveExchange()
        served += 1
        (question, bodyBytes, isWhole, isAnswered) = (nil, 0, false, false)
        (keeps, body) = (false, .none)
    }

    /// The answer has left: the next request may come, unless it did.
    private func rest(after number: Int) {
        guard context != nil, served == number, question == nil, !isHandedOver else { return }
        if core.isDraining { return close() }
        deadline?.lift()
        core.kept.add(self)
    }

    private static func encoder(_ context: ChannelHandlerContext) -> ChannelHandlerContext? {
        do {
            return try context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        } catch {
            return nil
        }
    }

    /// How long the body is and how it travels is said by whoever writes it.
    private static func isOurs(_ name: String) -> Bool {
        let ours = ["content-length", "transfer-encoding", "connection", "keep-alive", "date", "set-cookie"]
        return ours.contains { name.isSameHeader(as: $0) }
    }

    /// What a provider says may not break our response's head.
    private static func isSafe(_ header: (name: String, value: String)) -> Bool {
        !header.name.isEmpty && header.name.utf8.count <= 100 && header.value.utf8.count <= 4096
            && header.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            && header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
