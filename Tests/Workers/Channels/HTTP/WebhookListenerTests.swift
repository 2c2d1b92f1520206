import AsyncHTTPClient
import ChannelHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

@Suite("A webhook's listener", .timeLimit(.minutes(1)))
struct WebhookListenerTests {
    private func post(_ port: Int) async throws -> HTTPResponseStatus {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/hook")
        request.method = .POST
        request.headers.add(name: "x-key", value: "a")
        request.body = .bytes(ByteBuffer(string: "hello"))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(20)).status
    }

    @Test("while as many requests of one key are read as may be, the next is refused; a read one counts no more")
    func perKey() async throws {
        var rules = WebhookRules { _, _ in .read }
        rules.requestsPerKey = 1
        rules.key = { head, _ in head.headers.first(name: "x-key") ?? "" }
        let written = Mutex(0)
        let listener = WebhookListener(rules) { _ in
            var answer = WebhookAnswer(.ok, "taken")
            answer.written = { isWritten in written.withLock { $0 += isWritten ? 1 : 0 } }
            return answer
        }
        let server = try await listener.bind(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton)
        let port = server.localAddress?.port ?? 0
        #expect(try await post(port) == .ok)
        try await eventually { written.withLock { $0 } == 1 }
        let slow = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
            host: "127.0.0.1",
            port: port
        ).get()
        let head = "POST /hook HTTP/1.1\r\nhost: x\r\nx-key: a\r\ncontent-length: 2\r\n\r\n"
        try await slow.writeAndFlush(ByteBuffer(string: head))
        try await eventually { try await post(port) == .tooManyRequests }
        try await slow.writeAndFlush(ByteBuffer(string: "ok"))
        try await eventually { try await post(port) == .ok }
        try? await slow.close()
        try await server.close()
    }
}
