import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A Bot API in this process: answers every request by a closure and remembers what it was asked.
final class FakeBot: Sendable {
    struct Request: Sendable {
        var method: String
        /// Behind the token: `sendMessage`; of files and webhooks the whole path.
        var path: String
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    enum Answer: Sendable {
        case json(String)
        case status(Int, String)
        case bytes([UInt8])
        case silence
        case close
    }

    static let token = "123456:SECRET-token"
    private let channel: any Channel
    private let requests = Mutex<[Request]>([])

    let root: String

    init(_ answer: @escaping @Sendable (Request) async -> Answer) async throws {
        let box = Box()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { request in
                            box.owner?.requests.withLock { $0.append(request) }
                            return await answer(request)
                        }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        root = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
        box.set(self)
    }

    /// What was asked, oldest first; only this method's when one is given.
    func asked(_ path: String? = nil) -> [Request] {
        requests.withLock { all in path.map { path in all.filter { $0.path == path } } ?? all }
    }

    func close() async { try? await channel.close() }

    private final class Box: Sendable {
        private let value = Mutex<FakeBot?>(nil)
        var owner: FakeBot? { value.withLock { $0 } }
        func set(_ bot: FakeBot) { value.withLock { $0 = bot } }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let answer: @Sendable (Request) async -> Answer
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ answer: @escaping @Sendable (Request) async -> Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let part): body.append(contentsOf: part.readableBytesView)
            case .end:
                guard let head else { return }
                let prefix = "/bot\(FakeBot.token)/"
                let path = head.uri.hasPrefix(prefix) ? String(head.uri.dropFirst(prefix.count)) : head.uri
                let request = Request(method: head.method.rawValue, path: path, headers: head.headers, body: body)
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                let loop = context.eventLoop
                let answer = answer
                Task {
                    let result = await answer(request)
                    loop.execute { bound.value.0.write(result, bound.value.1) }
                }
            }
        }

        private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
            let status: HTTPResponseStatus
            let bytes: [UInt8]
            switch answer {
            case .silence: return
            case .close: return context.close(promise: nil)
            case .json(let text): (status, bytes) = (.ok, Array(text.utf8))
            case .status(let code, let text): (status, bytes) = (.init(statusCode: code), Array(text.utf8))
            case .bytes(let file): (status, bytes) = (.ok, file)
            }
            let head = HTTPResponseHead(
                version: .http1_1,
                status: status,
                headers: ["content-length": String(bytes.count)]
            )
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
