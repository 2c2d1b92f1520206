internal import Logging
internal import NIOCore
internal import NIOWebSocket

/// One WebSocket client: its handshake, its requests, what it is sent. Lives on the edge's event loop.
final class WebSocketConnection: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private enum State {
        case awaitingConnect
        case admitted(Caller)
        case closing
    }

    let id: String
    let peer: ClientPeer
    private let core: EdgeCore
    private let helloGuard: HelloGuard
    private let onAdmission: () -> Void
    private var state = State.awaitingConnect
    private var assembly: MessageAssembly
    private var context: ChannelHandlerContext?
    private var handshakeTimer: Scheduled<Void>?
    private var requestsInFlight = 0
    private var sequence: UInt64 = 0
    private(set) var unsentBytes = 0
    private var isPaused = false
    /// chat.send of one connection are taken in the order they came.
    private var lastSend: Task<Void, Never>?
    var watchesWorkers = false

    init(id: String, peer: ClientPeer, core: EdgeCore, helloGuard: HelloGuard, onAdmission: @escaping () -> Void) {
        self.onAdmission = onAdmission
        self.id = id
        self.peer = peer
        self.core = core
        self.helloGuard = helloGuard
        assembly = MessageAssembly(limit: core.limits.messageBytes)
    }

    var caller: Caller? {
        guard case .admitted(let caller) = state else { return nil }
        return caller
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        core.opened(self)
        send(core.challenge())
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        handshakeTimer = context.eventLoop.scheduleTask(in: core.limits.handshake) {
            this.value.handshakeExpired()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        handshakeTimer?.cancel()
        let caller = caller
        state = .closing
        self.context = nil
        core.closed(self, caller: caller)
        core.gone()
    }

    private func handshakeExpired() {
        guard case .awaitingConnect = state else { return }
        close(1000, "")
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is HelloGuard.Exceeded: close(1009, "connect request too large")
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else {
            context.close(promise: nil)
            return
        }
        close(error == .invalidFrameLength ? 1009 : 1002, "")
    }

    // MARK: Frames

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closing = state { return closingRead(unwrapInboundIn(data)) }
        let frame = unwrapInboundIn(data)
        // A client must mask, and no extension was agreed on (RFC 6455 5.1, 5.2).
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return close(1002, "") }
        switch frame.opcode {
        case .ping: write(.pong, frame.unmaskedData)
        case .pong: break
        case .connectionClose: answerClose(frame)
        case .text, .binary, .continuation:
            switch assembly.take(opcode: frame.opcode, isFinal: frame.fin, data: frame.unmaskedData) {
            case .incomplete: break
            case .message(let bytes): receive(bytes)
            case .violation(let code): close(UInt16(webSocketErrorCode: code), "")
            }
        default: close(1002, "")
        }
    }

    /// After our close frame only the client's own counts.
    private func closingRead(_ frame: WebSocketFrame) {
        if frame.opcode == .connectionClose { context?.close(promise: nil) }
    }

    private func answerClose(_ frame: WebSocketFrame) {
        var data = frame.unmaskedData
        let code = data.readSlice(length: 2) ?? ByteBuffer()
        finish(code)
    }

    // MARK: Messages

    private func receive(_ bytes: [UInt8]) {
        let value: WireValue
        do {
            value = try WireParser.parse(bytes)
        } catch {
            // A client that got in keeps its connection; its message had no id to answer to.
            core.log.debug("a frame is no JSON: \(error)")
            if caller == nil { close(1000, "") }
            return
        }
        do {
            let request = try RequestFrame(value)
            if let caller { dispatch(request, caller) } else { connect(request) }
        } catch {
            guard caller != nil else { return close(1008, "invalid request frame") }
            respond(error.id ?? "invalid", .failure(.invalid("invalid request frame: \(error.detail)")))
        }
    }

    private func connect(_ request: RequestFrame) {
        do {
            let caller = try core.admit(request, connection: self)
            handshakeTimer?.cancel()
            state = .admitted(caller)
            onAdmission()
            context?.pipeline.syncOperations.removeHandler(helloGuard, promise: nil)
            respond(request.id, .success(core.welcome(self, caller)))
            core.admitted(self, caller)
        } catch {
            respond(request.id, .failure(error.error))
            close(error.closeCode, error.closeReason)
        }
    }

    private func dispatch(_ request: RequestFrame, _ caller: Caller) {
        guard request.method != "connect" else {
            return respond(request.id, .failure(.invalid("connect is only valid as the first request")))
        }
        let method: Method
        do {
            method = try MethodTable.method(request.method, for: caller)
        } catch {
            return respond(request.id, .failure(error))
        }
        guard requestsInFlight < core.limits.requestsInFlight else {
            let error = RPCError(
                .unavailable,
                "too many requests at once (\(requestsInFlight)): wait for answers",
                retryable: true,
                retryAfterMilliseconds: 500
            )
            return respond(request.id, .failure(error))
        }
        requestsInFlight += 1
        run(request, method, caller)
    }

    /// The task ends with the method; nobody cancels it, since what a client asked for is done even if it goes away.
    private func run(_ request: RequestFrame, _ method: Method, _ caller: Caller) {
        guard let context else { return }
        let eventLoop = context.eventLoop
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let methods = core.methods
        let isSend = method.name == "chat.send"
        let before = isSend ? lastSend : nil
        let task = Task {
            await before?.value
            let answer = await method.answer(methods, caller, request.params)
            eventLoop.execute { this.value.answered(request, answer, isSend: isSend) }
        }
        if isSend { lastSend = task }
    }

    private func answered(_ request: RequestFrame, _ answer: RPCAnswer, isSend: Bool) {
        requestsInFlight -= 1
        respond(request.id, answer)
        if isSend, let run = request.params["idempotencyKey"]?.text { core.release(run) }
    }

    // MARK: Sending

    private func respond(_ id: String, _ answer: RPCAnswer) {
        send(OutgoingFrame.response(id: id, answer))
    }

    /// Sends an event, or decides what becomes of a client that does not keep up.
    func deliver(_ event: String, payload: [UInt8], canBeDropped: Bool, stateVersion: StateVersion?) {
        guard case .admitted = state else { return }
        guard unsentBytes <= core.limits.unsentBytes else {
            if !canBeDropped { close(1008, "slow consumer") }
            return
        }
        sequence += 1
        send(OutgoingFrame.event(event, payload: payload, sequence: sequence, stateVersion: stateVersion))
    }

    private func send(_ bytes: [UInt8]) {
        if case .closing = state { return }
        write(.text, ByteBuffer(bytes: bytes))
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        guard let context else { return }
        let count = data.readableBytes
        unsentBytes += count
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in this.value.sent(count) }
        readOnlyWhatCanBeAnswered()
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: promise)
    }

    private func sent(_ count: Int) {
        unsentBytes -= count
        readOnlyWhatCanBeAnswered()
    }

    /// A client that asks and does not read the answers is not read either, until half of what waits for it is gone.
    private func readOnlyWhatCanBeAnswered() {
        guard let options = context?.channel.syncOptions else { return }
        let shouldPause = isPaused ? unsentBytes > core.limits.unsentBytes / 2 : unsentBytes > core.limits.unsentBytes
        guard shouldPause != isPaused else { return }
        isPaused = shouldPause
        // Fails on a closed channel only, which reads nothing anyway.
        try? options.setOption(.autoRead, value: !shouldPause)
    }

    // MARK: Closing

    /// Sends a close frame and ends the connection when the client answers, or two seconds later.
    func close(_ code: UInt16, _ reason: String) {
        if case .closing = state { return }
        var data = ByteBuffer()
        data.writeInteger(code)
        data.writeString(Self.cut(reason))
        finish(data)
    }

    private func finish(_ data: ByteBuffer) {
        guard let context else { return }
        let caller = caller
        state = .closing
        core.closed(self, caller: caller)
        write(.connectionClose, data)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(2)) { this.value.context?.close(promise: nil) }
    }

    /// A close reason holds 123 bytes; clients know 120.
    static func cut(_ reason: String) -> String {
        guard reason.utf8.count > 120 else { return reason }
        var text = ""
        for character in reason {
            guard text.utf8.count + character.utf8.count <= 120 else { break }
            text.append(character)
        }
        return text
    }
}
