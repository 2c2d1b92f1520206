import AsyncHTTPClient
import FoundationEssentials
import IPCHub
import Logging
import NIOPosix
import Runtime
import Synchronization
import Testing

@testable import ModelAnthropic

@Suite struct AnthropicModelTests {
    private static let key = "sk-ant-api-SECRET"
    private static let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n"

    private static func data(_ json: String) -> String { "data: \(json)\n\n" }
    private static let hello =
        data(#"{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":3}}}"#)
        + data(#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#)
        + data(#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#)
    private static let end =
        data(#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#)
        + data(#"{"type":"message_stop"}"#)

    private static func error(_ status: String, _ type: String, _ headers: String = "", message: String = "x") -> String
    {
        let body = #"{"type":"error","error":{"type":"\#(type)","message":"\#(message)"}}"#
        return "HTTP/1.1 \(status)\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func call() -> ModelCall {
        var block = HubModelBlock()
        block.text = "hi"
        var message = HubModelMessage()
        message.blocks = [block]
        var request = HubModelRequest()
        request.model = "claude-x"
        request.system = "be brief"
        request.maxTokens = 100
        return ModelCall(request: request, messages: [message])
    }

    private final class Events: Sendable {
        let all = Mutex<[HubModelEvent]>([])
    }

    private static func model(
        _ url: String,
        credential: Credential = .key(key),
        headers: [String: String] = [:],
        times: CallTimes = CallTimes()
    ) -> AnthropicModel {
        AnthropicModel(
            upstream: Upstream(
                client: makeClient(MultiThreadedEventLoopGroup.singleton, connectTimeout: times.connect),
                baseURL: url,
                extraHeaders: headers,
                credential: credential,
                times: times
            ),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            backoff: { _ in .milliseconds(1) }
        )
    }

    private static func ask(_ model: AnthropicModel) async throws -> [HubModelEvent] {
        let events = Events()
        try await model.answer(call(), into: ModelAnswer { event in events.all.withLock { $0.append(event) } })
        try await model.upstream.client.shutdown()
        return events.all.withLock { $0 }
    }

    @Test("a call is sent as the API wants it and its answer comes as events")
    func plain() async throws {
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello + Self.end), .close])
        let events = try await Self.ask(Self.model(server.url))
        #expect(events.map(\.text) == ["Hello", ""])
        #expect(events.last?.finished.stopReason == "end_turn")
        #expect(events.last?.finished.usage.input == 3 && events.last?.finished.usage.output == 2)
        let request = try #require(server.requests.first)
        let head = request.lowercased()
        #expect(head.hasPrefix("post /v1/messages http/1.1"))
        #expect(head.contains("x-api-key: sk-ant-api-secret") && !head.contains("authorization:"))
        #expect(head.contains("anthropic-version: 2023-06-01"))
        let body = try JSON(parsing: request.split(separator: "\r\n\r\n").last?.utf8.map { $0 } ?? [])
        #expect(body["model"] == "claude-x" && body["stream"] == true && body["max_tokens"] == 100)
        #expect(body["system"]?.array?.first?["text"] == "be brief")
        #expect(body["messages"]?.array?.first?["content"]?.array?.first?["text"] == "hi")
        await server.stop()
    }

    @Test("an OAuth token goes as Bearer with its beta, next to the operator's betas")
    func token() async throws {
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello + Self.end), .close])
        let credential = try #require(Credential(secrets: ["ANTHROPIC_API_KEY": "sk-ant-oat01-abc"]))
        _ = try await Self.ask(
            Self.model(server.url, credential: credential, headers: ["anthropic-beta": "x-1", "x-team": "a"])
        )
        let head = try #require(server.requests.first).lowercased()
        #expect(head.contains("authorization: bearer sk-ant-oat01-abc") && !head.contains("x-api-key"))
        #expect(head.contains("anthropic-beta: oauth-2025-04-20,x-1") && head.contains("x-team: a"))
        await server.stop()
    }

    @Test("a stream cut after its first word is told as cut and not asked again")
    func cut() async throws {
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello), .close])
        let events = try await Self.ask(Self.model(server.url))
        #expect(events.count == 2 && events[0].text == "Hello")
        #expect(events[1].failed.kind == .cut && !events[1].failed.beforeContent)
        #expect(server.requests.count == 1)
        await server.stop()
    }

    @Test("what fails before the first word is asked again, at most twice")
    func retries() async throws {
        let overloaded = Self.error("529 Overloaded", "overloaded_error")
        let cases: [[ScriptedServer.Step]] = [
            [.send(overloaded), .close], [.send(Self.head), .close],
            [
                .send(Self.head + Self.data(#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#)),
                .close,
            ],
            [.close], [.send(Self.error("500 Oops", "api_error")), .close],
        ]
        for failing in cases {
            let server = try await ScriptedServer.start(failing, [.send(Self.head + Self.hello + Self.end), .close])
            let events = try await Self.ask(Self.model(server.url))
            #expect(events.map(\.text) == ["Hello", ""], "\(failing)")
            #expect(server.requests.count == 2)
            await server.stop()
        }
        let server = try await ScriptedServer.start(cases[0], cases[0], cases[0], cases[0])
        let events = try await Self.ask(Self.model(server.url))
        #expect(events.count == 1 && events[0].failed.kind == .overloaded && events[0].failed.beforeContent)
        #expect(server.requests.count == 3)
        await server.stop()
    }

    @Test("a short retry-after is honoured, a long one is reported")
    func retryAfter() async throws {
        let short = Self.error("429 Too Many", "rate_limit_error", "retry-after-ms: 150\r\n")
        let server = try await ScriptedServer.start(
            [.send(short), .close],
            [.send(Self.head + Self.hello + Self.end), .close]
        )
        let began = ContinuousClock.now
        let events = try await Self.ask(Self.model(server.url))
        #expect(events.first?.text == "Hello")
        #expect(ContinuousClock.now - began >= .milliseconds(150))
        await server.stop()

        let long = Self.error("429 Too Many", "rate_limit_error", "retry-after: 30\r\n")
        let second = try await ScriptedServer.start([.send(long), .close])
        let failed = try #require(try await Self.ask(Self.model(second.url)).first).failed
        #expect(failed.kind == .rateLimit && failed.retryAfterMs == 30_000)
        #expect(second.requests.count == 1)
        await second.stop()
    }

    @Test("a refused key is not tried again, and the key is in no cause even when the server repeats it")
    func auth() async throws {
        let answer = Self.error("401 Unauthorized", "authentication_error", message: "invalid x-api-key \(Self.key)")
        let server = try await ScriptedServer.start([.send(answer), .close])
        let failed = try #require(try await Self.ask(Self.model(server.url)).first).failed
        #expect(failed.kind == .auth)
        #expect(!failed.cause.contains(Self.key) && failed.cause.contains("[redacted]"))
        #expect(server.requests.count == 1)
        await server.stop()
    }

    @Test("silence ends in time: before the head, before the first word, between words, and in an error's body")
    func silence() async throws {
        var times = CallTimes()
        times.connect = .milliseconds(500)
        times.head = .milliseconds(300)
        times.firstContent = .milliseconds(300)
        times.idle = .milliseconds(300)
        let ping = Self.data(#"{"type":"ping"}"#)
        let cases: [(steps: [ScriptedServer.Step], kind: HubModelEvent.Failed.Kind)] = [
            ([.hold], .timeout), ([.send(Self.head + ping), .hold], .timeout),
            ([.send(Self.head + Self.hello), .hold], .timeout),
            ([.send("HTTP/1.1 529 x\r\ncontent-length: 99\r\n\r\n{"), .hold], .timeout),
        ]
        for (steps, kind) in cases {
            let server = try await ScriptedServer.start(steps)
            let began = ContinuousClock.now
            let failed = try #require(try await Self.ask(Self.model(server.url, times: times)).last).failed
            #expect(failed.kind == kind, "\(steps)")
            #expect(ContinuousClock.now - began < .seconds(5))
            #expect(server.requests.count == 1)
            await server.clientClosed()
            await server.stop()
        }
    }

    @Test("the whole call has a limit of its own")
    func total() async throws {
        var times = CallTimes()
        times.total = .milliseconds(80)
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello), .hold])
        let failed = try #require(try await Self.ask(Self.model(server.url, times: times)).last).failed
        #expect(failed.kind == .timeout && failed.cause.contains("as a whole"))
        await server.stop()
    }

    @Test("nobody there is told as unreachable")
    func unreachable() async throws {
        let server = try await ScriptedServer.start()
        await server.stop()
        let failed = try #require(try await Self.ask(Self.model(server.url)).first).failed
        #expect(failed.kind == .unreachable && failed.beforeContent)
    }

    @Test("an error's body is read up to its bound")
    func errorBound() async throws {
        let body = String(repeating: "x", count: Upstream.errorLimit * 2)
        let server = try await ScriptedServer.start([
            .send("HTTP/1.1 400 x\r\ncontent-length: 99999999\r\n\r\n\(body)"), .hold,
        ])
        let failed = try #require(try await Self.ask(Self.model(server.url)).first).failed
        #expect(failed.kind == .badRequest && failed.cause.utf8.count <= Failure.causeLimit)
        await server.stop()
    }

    @Test("an answer that is no event stream is refused")
    func notAStream() async throws {
        let server = try await ScriptedServer.start([
            .send("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi"), .close,
        ])
        let failed = try #require(try await Self.ask(Self.model(server.url)).first).failed
        #expect(failed.kind == .badRequest && failed.cause.contains("text/html"))
        await server.stop()
    }

    @Test("cancelling closes the connection to the provider")
    func cancel() async throws {
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello), .hold])
        let model = Self.model(server.url)
        let (words, continuation) = AsyncStream<String>.makeStream()
        let asking = Task {
            try await model.answer(Self.call(), into: ModelAnswer { event in continuation.yield(event.text) })
        }
        for await word in words where word == "Hello" { break }
        asking.cancel()
        await server.clientClosed()
        _ = await asking.result
        try await model.upstream.client.shutdown()
        await server.stop()
    }
}
