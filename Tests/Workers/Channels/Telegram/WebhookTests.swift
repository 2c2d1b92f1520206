import AsyncHTTPClient
import ChannelHTTP
import Glibc
import IPCHub
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Runtime
import Synchronization
import Testing

@testable import Telegram

@Suite("The webhook's door", .timeLimit(.minutes(1)))
struct WebhookTests {
    private let request = WebhookRequest(path: "/hook", secret: Array("s3cret_-".utf8))

    private func decide(_ method: HTTPMethod, _ uri: String, _ headers: [(String, String)] = [])
        -> WebhookRequest.Decision
    {
        request.decide(HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: HTTPHeaders(headers)))
    }

    private let token = "X-Telegram-Bot-Api-Secret-Token"

    @Test("only Telegram's POST with the secret is read; health is for everybody, the rest is not found")
    func heads() {
        #expect(decide(.POST, "/hook", [(token, "s3cret_-")]) == .read)
        #expect(decide(.POST, "/hook?x=1", [(token, "s3cret_-"), ("content-length", "1048576")]) == .read)
        let unknown = WebhookRequest.Decision.answer(.unauthorized, "the secret token is missing or wrong")
        for wrong in ["", "s3cret_", "s3cret_-x", "S3cret_-"] {
            #expect(decide(.POST, "/hook", [(token, wrong)]) == unknown)
        }
        #expect(decide(.POST, "/hook") == unknown)
        #expect(decide(.POST, "/hook", [(token, "s3cret_-"), (token, "x")]) == unknown)
        #expect(
            decide(.POST, "/hook", [(token, "s3cret_-"), ("content-length", "1048577")])
                == .answer(.payloadTooLarge, "too long")
        )
        #expect(decide(.GET, "/healthz") == .answer(.ok, "ok"))
        for path in ["/", "/hook/", "/hookx", "*", ""] {
            #expect(decide(.POST, path, [(token, "s3cret_-")]) == .answer(.notFound, "not found"))
        }
    }

    @Test(
        "a secret is what Telegram takes for one",
        arguments: [
            ("a", true), ("A-z_09", true), (String(repeating: "x", count: 256), true), ("", false), ("a b", false),
            ("ü", false), (String(repeating: "x", count: 257), false),
        ]
    )
    func secrets(_ secret: String, _ isOne: Bool) {
        #expect(WebhookRequest.isSecret(secret) == isOne)
    }

    /// Runs `body` with a listener that hands bodies to `receive`.
    private func withListener(
        requestLimit: TimeAmount = .seconds(60),
        answerLimit: TimeAmount = .seconds(50),
        _ receive: @escaping @Sendable ([UInt8]) async -> HTTPResponseStatus,
        _ body: (_ url: String, _ client: HTTPClient) async throws -> Void
    ) async throws {
        var rules = request.rules
        (rules.requestLimit, rules.answerLimit) = (requestLimit, answerLimit)
        let listener = WebhookListener(rules) { WebhookAnswer(await receive($0.body)) }
        let channel = try await listener.bind(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton)
        try await body("http://127.0.0.1:\(channel.localAddress?.port ?? 0)", HTTPClient.shared)
        try await channel.close()
    }

    private func post(_ url: String, _ bytes: [UInt8], secret: String = "s3cret_-") async throws -> HTTPResponseStatus {
        var request = HTTPClientRequest(url: url + "/hook")
        request.method = .POST
        request.headers.add(name: token, value: secret)
        request.body = .bytes(ByteBuffer(bytes: bytes))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(20)).status
    }

    @Test("the answer is what became of the update, and without the secret nothing is read")
    func answers() async throws {
        let bodies = Mutex<[[UInt8]]>([])
        try await withListener { body in
            bodies.withLock { $0.append(body) }
            return body == [1] ? .ok : .serviceUnavailable
        } _: { url, client in
            #expect(try await post(url, [1]) == .ok)
            #expect(try await post(url, [2]) == .serviceUnavailable)
            #expect(try await post(url, [3], secret: "wrong") == .unauthorized)
            let health = try await client.execute(HTTPClientRequest(url: url + "/healthz"), timeout: .seconds(20))
            #expect(try await String(buffer: health.body.collect(upTo: 100)) == "ok")
        }
        #expect(bodies.withLock { $0 } == [[1], [2]])
    }

    @Test("an update that the journal does not take in time is given back to Telegram")
    func answerLimit() async throws {
        let (ends, ended) = AsyncStream<Void>.makeStream()
        try await withListener(answerLimit: .milliseconds(50)) { _ in
            try? await Task.sleep(for: .seconds(600))
            ended.finish()
            return .ok
        } _: { url, _ in
            let status = try await post(url, [1])
            #expect(status == .serviceUnavailable)
            // It is not held any longer either: Telegram comes again with it.
            for await _ in ends {}
        }
    }

    @Test("a request that does not come to its end is let go")
    func requestLimit() async throws {
        try await withListener(requestLimit: .milliseconds(50), { _ in .ok }) { url, _ in
            let port = url.split(separator: ":").last.flatMap { Int($0) } ?? 0
            let slow = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
                host: "127.0.0.1",
                port: port
            ).get()
            // On a busy machine the time may be over before the first byte.
            try? await slow.writeAndFlush(ByteBuffer(string: "POST /hook HTTP/1.1\r\n"))
            try await slow.closeFuture.get()
        }
    }

    @Test("of one connection more than the limit, one is closed at once")
    func connections() async throws {
        // The time limit of requests closes them all in the end: it must not be what closes the first.
        try await withListener(requestLimit: .hours(1), { _ in .ok }) { url, _ in
            let port = url.split(separator: ":").last.flatMap { Int($0) } ?? 0
            let (closed, close) = AsyncStream<Void>.makeStream()
            var open: [any Channel] = []
            for _ in 0...WebhookRequest.connectionLimit {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
                    host: "127.0.0.1",
                    port: port
                ).get()
                // Event loops take connections in side by side: which one is too many is not said.
                channel.closeFuture.whenComplete { _ in close.yield() }
                open.append(channel)
            }
            for await _ in closed { break }
            #expect(open.count(where: { $0.isActive }) == WebhookRequest.connectionLimit)
            for channel in open where channel.isActive { try? await channel.close() }
        }
    }

    @Test("a body that says no length is still bounded")
    func longBody() async throws {
        try await withListener({ _ in .ok }) { url, _ in
            let port = url.split(separator: ":").last.flatMap { Int($0) } ?? 0
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
                host: "127.0.0.1",
                port: port
            ).get()
            let head = "POST /hook HTTP/1.1\r\nhost: x\r\n\(token): s3cret_-\r\ntransfer-encoding: chunked\r\n\r\n"
            try await channel.writeAndFlush(ByteBuffer(string: head))
            let chunk = ByteBuffer(string: "40000\r\n" + String(repeating: "x", count: 0x40000) + "\r\n")
            // The fifth quarter of a mebibyte is too much; whatever is written after the close fails.
            for _ in 0..<5 { try? await channel.writeAndFlush(chunk) }
            try await channel.closeFuture.get()
        }
    }

    @Test("without a secret webhook mode does not start, and says what to set")
    func refused() {
        for (secret, words) in [("", "webhook mode needs a secret"), ("a b", "may have letters, digits, _ and - only")]
        {
            let error = WebhookIntake.check(secret)
            #expect(error?.description.contains(words) == true)
            #expect(error?.description.contains("channels.telegram.webhookSecret") == true)
        }
        #expect(WebhookIntake.check("good_1") == nil)
    }

    @Test("a port in use is explained")
    func port() {
        let words = WebhookIntake.words(IOError(errnoCode: EADDRINUSE, reason: "bind"), TelegramSettings())
        #expect(words.contains("0.0.0.0:8787 is in use") && words.contains("webhookPort"))
    }
}
