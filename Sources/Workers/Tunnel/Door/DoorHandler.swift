internal import AsyncHTTPClient
internal import Config
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One connection of the door.
final class DoorHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case reading(HTTPRequestHead, Int, ByteBuffer)
        /// The rest of the request is passed over; the answer is this.
        case passing(HTTPRequestHead, HTTPResponseStatus, String)
        case answering(HTTPRequestHead)
        case closed
    }

    private let door: Door
    /// What speaks HTTP in front of this, taken out when the connection becomes a WebSocket; the decoder last, which hands on
    /// what it has not read.
    private let http: [any RemovableChannelHandler]
    private var state = State.idle
    private var held = 0
    private var deadline: Scheduled<Void>?
    /// Hands the request on; ends with the answer, or with the connection.
    private var forwarding: Task<Void, Never>?

    private init(door: Door, http: [any RemovableChannelHandler]) {
        self.door = door
        self.http = http
    }

    static func install(on channel: any Channel, door: Door) throws {
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        let pipelining = HTTPServerPipelineHandler()
        let errors = HTTPServerProtocolErrorHandler()
        let handler = DoorHandler(door: door, http: [encoder, pipelining, errors, decoder])
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(encoder)
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(pipelining)
        try pipeline.addHandler(errors)
        try pipeline.addHandler(handler)
    }

    func channelActive(context: ChannelHandlerContext) {
        limit(door.requestLimit, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        forwarding?.cancel()
        letGo()
        state = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle):
            switch door.table.decide(head, prove: door.nonces.take) {
            case .forward(let index): state = .reading(head, index, ByteBuffer())
            case .prove(let answer): state = .passing(head, .ok, answer)
            case .answer(let status, let text):
                door.figures.refused()
                state = .passing(head, status, text)
            }
        case (.body(var part), .reading(let head, let index, var body)):
            state = .idle  // one reference, so that the bytes are not copied
            guard body.readableBytes + part.readableBytes <= RouteTable.bodyBytes else {
                return refuse(head, .payloadTooLarge, context)
            }
            guard door.hold(part.readableBytes) else { return refuse(head, .serviceUnavailable, context) }
            held += part.readableBytes
            body.writeBuffer(&part)
            state = .reading(head, index, body)
        case (.end, .reading(let head, let index, let body)):
            state = .answering(head)
            limit(door.answerLimit, context)
            if door.table.isUpgrade(head, index) {
                upgrade(head, index, context)
            } else {
                forward(head, body, index, context)
            }
        case (.end, .passing(let head, let status, let text)): answer(head, status, text, closes: false, context)
        case (.body, .passing), (_, _): break
        }
    }

    /// The rest of the body is not waited for.
    private func refuse(_ head: HTTPRequestHead, _ status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
        answer(head, status, "try again later", closes: true, context)
    }

    // MARK: Handing on

    private func forward(_ head: HTTPRequestHead, _ body: ByteBuffer, _ index: Int, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (door, loop, channel) = (door, context.eventLoop, context.channel)
        forwarding = Task {
            var isBegun = false
            do {
                let response = try await door.forward(head, body, to: index)
                door.figures.answered(index, status: UInt(response.status.code), at: Door.now())
                let start = HTTPResponseHead(
                    version: .http1_1,
                    status: response.status,
                    headers: RouteTable.returned(response.headers)
                )
                try await loop.submit { bound.value.0.begin(start, bound.value.1) }.get()
                isBegun = true
                for try await piece in response.body {
                    // The kernel's buffer towards the provider is the flow control.
                    try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece)))
                    try await loop.submit { bound.value.0.goOn(bound.value.1) }.get()
                }
                try await loop.submit { bound.value.0.finish(head, bound.value.1) }.get()
            } catch {
                let isLate = isBegun
                if !isLate { door.figures.answered(index, status: 502, at: Door.now()) }
                loop.execute {
                    let (handler, context) = bound.value
                    guard case .answering(let head) = handler.state else { return }
                    // An answer that has begun can only be cut off.
                    if isLate { return context.close(promise: nil) }
                    handler.answer(head, .badGateway, "nobody answers here", closes: false, context)
                }
            }
        }
    }

    /// The target decides: the head is handed on as it came, and from then on bytes go both ways.
    private func upgrade(_ head: HTTPRequestHead, _ index: Int, _ context: ChannelHandlerContext) {
        let (near, far) = PipeEnd.pair()
        let ends = NIOLoopBound((near, far), eventLoop: context.eventLoop)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (door, bytes) = (door, RouteTable.head(of: head))
        ClientBootstrap(group: context.eventLoop)
            .connectTimeout(.seconds(10))
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ends.value.1) }
            }
            .connect(host: "127.0.0.1", port: door.table.routes[index].port)
            .hop(to: context.eventLoop)
            .whenComplete { result in
                let (handler, context) = bound.value
                switch result {
                case .success(let target):
                    guard case .answering = handler.state else { return target.close(promise: nil) }
                    door.figures.answered(index, status: 101, at: Door.now())
                    handler.become(ends.value.0, context)
                    target.writeAndFlush(bytes, promise: nil)
                    target.setOption(.autoRead, value: true).whenFailure { _ in target.close(promise: nil) }
                case .failure:
                    door.figures.answered(index, status: 502, at: Door.now())
                    guard case .answering(let head) = handler.state else { return }
                    handler.answer(head, .badGateway, "nobody answers here", closes: true, context)
                }
            }
    }

    /// Gives this connection to a pipe.
    private func become(_ end: PipeEnd, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        letGo()
        state = .closed
        let (pipeline, channel) = (context.pipeline.syncOperations, context.channel)
        do {
            try pipeline.addHandler(end)
        } catch {
            return context.close(promise: nil)
        }
        // On this loop and at once; the decoder, which may still hold bytes, comes last.
        for handler in http.dropLast() { pipeline.removeHandler(handler, promise: nil) }
        pipeline.removeHandler(self, promise: nil)
        if let decoder = http.last { pipeline.removeHandler(decoder, promise: nil) }
        // A reading that the parts taken out held back is made up for.
        channel.read()
    }

    private func begin(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
        guard case .answering = state else { return }
        letGo()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// A piece of the answer has arrived.
    private func goOn(_ context: ChannelHandlerContext) {
        guard case .answering = state else { return }
        limit(door.answerLimit, context)
    }

    private func finish(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard case .answering = state else { return }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        rest(isKept: Self.isKept(head), context)
    }

    // MARK: Answering

    private func answer(
        _ head: HTTPRequestHead,
        _ status: HTTPResponseStatus,
        _ text: String,
        closes: Bool,
        _ context: ChannelHandlerContext
    ) {
        letGo()
        let isKept = Self.isKept(head) && !closes
        let headers = HTTPHeaders([
            ("content-length", String(text.utf8.count)), ("content-type", "text/plain; charset=utf-8"),
            ("cache-control", "no-store"), ("connection", isKept ? "keep-alive" : "close"),
        ])
        let response = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if head.method != .HEAD, !text.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        rest(isKept: isKept, context)
    }

    /// Whether a further request may follow: the decoder reads none behind one that wanted an upgrade.
    private static func isKept(_ head: HTTPRequestHead) -> Bool {
        head.isKeepAlive && !head.headers.contains(name: "upgrade")
    }

    private func rest(isKept: Bool, _ context: ChannelHandlerContext) {
        guard isKept else {
            state = .closed
            return context.close(promise: nil)
        }
        state = .idle
        limit(door.requestLimit, context)
    }

    private func letGo() {
        door.release(held)
        held = 0
    }

    /// Ends the connection when nothing came of it in time.
    private func limit(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = bound.value
            handler.forwarding?.cancel()
            context.close(promise: nil)
        }
    }
}
