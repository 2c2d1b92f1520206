import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Telegram

@Suite("What becomes of a call")
struct BotAPITests {
    private static let token = "123456:SECRET-token"
    private static let target = ReplyTarget(chat: 5)

    private func send(to server: ScriptedServer, timeout: Duration = .seconds(10)) async throws -> Result<
        Int64, CallFailure
    > {
        var call = BotCall.sendMessage("x", html: false, at: SendPlace(target: Self.target), preview: true)
        call.timeout = timeout
        let api = BotAPI(root: server.root, token: Self.token, group: MultiThreadedEventLoopGroup.singleton)
        let result = await api.call(call, Bot.SentMessage.self).map(\.messageId)
        await api.shutdown()
        return result
    }

    private func words(_ result: Result<Int64, CallFailure>) -> String {
        if case .failure(let failure) = result { failure.words } else { "" }
    }

    @Test("a good answer is a result; the method stands in the address behind the token")
    func good() async throws {
        let server = try await ScriptedServer(.answer(#"{"ok":true,"result":{"message_id":12,"more":[]}}"#))
        #expect(try await send(to: server) == .success(12))
        #expect(await server.request()?.hasPrefix("POST /bot123456:SECRET-token/sendMessage HTTP/1.1") == true)
        await server.close()
    }

    @Test("nobody listens: it never left, and the token is not in the words")
    func refused() async throws {
        let server = try await ScriptedServer(.close)
        await server.close()
        let result = try await send(to: server)
        guard case .failure(.unreached) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(!words(result).contains("SECRET"))
    }

    @Test("closed or silent after the request left, or answered with nonsense: unknown", arguments: [0, 1, 2, 3])
    func unknown(_ kind: Int) async throws {
        let scripts: [ScriptedServer.Script] = [
            .close, .silence, .answer("<html>"), .answer(#"{"ok":true,"result":{}}"#),
        ]
        let server = try await ScriptedServer(scripts[kind])
        let result = try await send(to: server, timeout: .milliseconds(300))
        guard case .failure(.unknown) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(!words(result).contains("SECRET"))
        await server.close()
    }

    @Test("an answer is kept to its bound and no further")
    func tooLong() async throws {
        let fits = String(repeating: " ", count: TelegramLimits.answerBytes - 2) + "{}"
        let server = try await ScriptedServer(.answer(fits))
        let api = BotAPI(root: server.root, token: Self.token, group: MultiThreadedEventLoopGroup.singleton)
        #expect(try await api.bytes(.getMe).get().count == TelegramLimits.answerBytes)
        await server.close()
        let longer = try await ScriptedServer(.answer(fits + " "))
        let second = BotAPI(root: longer.root, token: Self.token, group: MultiThreadedEventLoopGroup.singleton)
        guard case .failure(.tooLong(let start)) = await second.bytes(.getMe) else {
            Issue.record("taken")
            return
        }
        #expect(start.count == TelegramLimits.answerBytes + 1)
        await longer.close()
        await api.shutdown()
        await second.shutdown()
    }

    @Test("calls that hang hold up no other", .timeLimit(.minutes(1)))
    func hanging() async throws {
        let bot = try await FakeBot { request in
            request.path == "getUpdates" ? .silence : .json(#"{"ok":true,"result":{"message_id":12}}"#)
        }
        let api = BotAPI(root: bot.root, token: FakeBot.token, group: MultiThreadedEventLoopGroup.singleton)
        // More than the HTTP client's own number of connections to one server.
        let hanging = (0..<12).map { _ in Task { await api.bytes(.getUpdates(after: nil, limit: 1)) } }
        while bot.asked("getUpdates").count < 12 { try await Task.sleep(for: .milliseconds(5)) }
        let call = BotCall.sendMessage("x", html: false, at: SendPlace(target: Self.target), preview: true)
        #expect(try await api.call(call, Bot.SentMessage.self).get().messageId == 12)
        for task in hanging { task.cancel() }
        for task in hanging { _ = await task.value }
        await api.shutdown()
        await bot.close()
    }

    @Test(
        "only what can be a token becomes part of an address",
        arguments: [
            ("123456:AAE-a_b", true), ("", false), ("123456", false), ("123456:", false), (":abc", false),
            ("12:ab/../x", false), ("12:ab cd", false), ("12:ab?x", false), ("12:é", false), ("1:2:3", false),
            ("12:ab\n", false),
        ]
    )
    func tokens(_ token: String, _ isPlausible: Bool) {
        #expect(TelegramNetwork.isPlausible(token) == isPlausible)
    }

    @Test("settings have defaults, and a slash at the end of the address does no harm")
    func settings() throws {
        #expect(try TelegramSettings(decoding: "{}".utf8) == TelegramSettings())
        let set = try TelegramSettings(
            decoding: #"{"apiRoot":"http://h:1//","replyToMode":"off","webhookPath":"x","x":1}"#.utf8
        )
        #expect(set.apiRoot == "http://h:1" && set.replyToMode == "off" && set.webhookPath == "/x")
        #expect(!set.isPaced && TelegramSettings().isPaced, "Telegram's own limits count at Telegram")
    }
}

/// A server that reads one request and then does what its script says.
private final class ScriptedServer: Sendable {
    enum Script: Sendable {
        case answer(String)
        case close
        case silence
    }

    let root: String
    private let channel: any Channel
    private let heard: EventLoopPromise<String>

    init(_ script: Script) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let heard = group.next().makePromise(of: String.self)
        channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Reply(script: script, heard: heard))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.heard = heard
        root = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    func request() async -> String? { try? await heard.futureResult.get() }

    func close() async {
        heard.fail(CancellationError())
        try? await channel.close()
    }

    private final class Reply: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let script: Script
        private let heard: EventLoopPromise<String>
        private var text = ""

        init(script: Script, heard: EventLoopPromise<String>) {
            self.script = script
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            guard text.contains("}") || text.contains("{}") else { return }
            heard.succeed(text)
            text = ""
            switch script {
            case .silence: break
            case .close: context.close(promise: nil)
            case .answer(let body):
                let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: head + body)), promise: nil)
            }
        }
    }
}
