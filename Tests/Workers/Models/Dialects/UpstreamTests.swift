import AsyncHTTPClient
import Config
import Failover
import FoundationEssentials
import IPCHub
import Logging
import ModelAnthropic
import NIOPosix
import Runtime
import Synchronization
import Testing

@testable import ModelUpstream

@Suite("One attempt at a provider")
struct UpstreamTests {
    private static let key = ProviderKey(profile: "anthropic:default", kind: .apiKey, value: "sk-ant-api-SECRET")
    private static let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n"

    private static func data(_ json: String) -> String { "data: \(json)\n\n" }
    private static let begin = data(
        #"{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":3}}}"#
    )
    private static let thought =
        data(#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"hm"}}"#)
        + data(#"{"type":"content_block_stop","index":0}"#)
    private static let hello =
        begin + data(#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello"}}"#)
    private static let end =
        data(#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#)
        + data(#"{"type":"message_stop"}"#)

    private static func error(_ status: String, _ type: String, _ headers: String = "", message: String = "x") -> String
    {
        let body = #"{"type":"error","error":{"type":"\#(type)","message":"\#(message)"}}"#
        return "HTTP/1.1 \(status)\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func upstream(_ url: String, headers: [String: String] = [:], times: CallTimes = CallTimes())
        -> Upstream
    {
        var config = ProviderConfig()
        config.provider = "anthropic"
        config.baseURL = url
        config.headers = headers
        return Upstream(
            client: ProviderClient(group: MultiThreadedEventLoopGroup.singleton, connectTimeout: times.connect),
            connections: ProviderConnections(
                baseURL: url,
                connectTimeout: times.connect,
                on: MultiThreadedEventLoopGroup.singleton.next()
            ),
            dialect: AnthropicDialect(config),
            config: config,
            times: times,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private final class Events: Sendable {
        let all = Mutex<[HubModelEvent]>([])
    }

    private static func ask(_ upstream: Upstream, limit: Duration = .seconds(600)) async throws -> (
        report: AttemptReport, events: [HubModelEvent]
    ) {
        let events = Events()
        let report = await upstream.attempt(.hello(model: "claude-x"), with: key, limit: limit) { event in
            events.all.withLock { $0.append(event) }
        }
        try await upstream.client.shutdown()
        return (report, events.all.withLock { $0 })
    }

    private static func failure(_ report: AttemptReport) -> CallFailure? {
        if case .failed(let failure) = report.end { failure } else { nil }
    }

    private static func finished(_ report: AttemptReport) -> HubModelEvent.Finished? {
        if case .finished(let finished) = report.end { finished } else { nil }
    }

    private static func serve(
        _ steps: [ScriptedServer.Step],
        headers: [String: String] = [:],
        times: CallTimes = CallTimes()
    ) async throws -> (report: AttemptReport, events: [HubModelEvent], request: String) {
        let server = try await ScriptedServer.start(steps)
        let (report, events) = try await ask(upstream(server.url, headers: headers, times: times))
        #expect(server.requests.count == 1)
        await server.stop()
        return (report, events, server.requests.first ?? "")
    }

    @Test("a provider that calls its model by our key does not get it into the ledger")
    func keyAsModel() async throws {
        let hello = Self.hello.replacing("claude-x", with: Self.key.value)
        let (report, _, _) = try await Self.serve([.send(Self.head + hello + Self.end), .close])
        #expect(report.servedModel == "[redacted]")
    }

    @Test("a call is sent as the API wants it, its answer comes as events, and the report has its figures")
    func plain() async throws {
        let (report, events, request) = try await Self.serve([.send(Self.head + Self.hello + Self.end), .close])
        #expect(events.map(\.text) == ["Hello"])
        let finished = try #require(Self.finished(report))
        #expect(finished.stopReason == "end_turn" && finished.usage.output == 2)
        #expect(report.usage.input == 3 && report.usage.output == 2 && report.source == .reported)
        #expect(report.status == 200 && report.isCommitted && report.servedModel == "claude-x")
        #expect(report.firstContent.map { $0 > .zero && $0 <= report.duration } == true)
        let head = request.lowercased()
        #expect(head.hasPrefix("post /v1/messages http/1.1"))
        #expect(head.contains("x-api-key: sk-ant-api-secret") && !head.contains("authorization:"))
        #expect(head.contains("anthropic-version: 2023-06-01"))
        let body = try JSON(parsing: request.split(separator: "\r\n\r\n").last?.utf8.map { $0 } ?? [])
        #expect(body["model"] == "claude-x")
    }

    @Test("the operator's headers stand over ours, betas add up")
    func headers() async throws {
        let (_, _, request) = try await Self.serve(
            [.send(Self.head + Self.hello + Self.end), .close],
            headers: ["X-Team": "a", "anthropic-version": "2099-01-01", "user-agent": "me", "bad\r\n": "x"]
        )
        let head = request.lowercased()
        #expect(head.contains("x-team: a") && head.contains("anthropic-version: 2099-01-01"))
        #expect(head.contains("user-agent: me") && !head.contains("clawhold"))
    }

    @Test("what the model thinks waits until it says something: until then nothing is committed")
    func thinking() async throws {
        let lost = try await Self.serve([.send(Self.head + Self.begin + Self.thought), .close])
        #expect(Self.failure(lost.report)?.kind == .cut && !lost.report.isCommitted && lost.events.isEmpty)
        #expect(lost.report.usage.input == 3 && lost.report.source == .partial)
        let (report, events, _) = try await Self.serve([
            .send(Self.head + Self.thought + Self.hello + Self.end), .close,
        ])
        #expect(
            events.count == 3 && events[0].thinking == "hm" && !events[1].opaque.isEmpty && events[2].text == "Hello"
        )
        #expect(report.isCommitted)
    }

    @Test("thoughts that wait are one event: a million words of them do not cost a million events")
    func gathered() async throws {
        let begin = Self.data(
            #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"hm"}}"#
        )
        let word = Self.data(
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#
        )
        let stop = Self.data(#"{"type":"content_block_stop","index":0}"#)
        let words = String(repeating: word, count: 999)
        let (_, events, _) = try await Self.serve([
            .send(Self.head + begin + words + stop + Self.hello + Self.end), .close,
        ])
        #expect(events.count == 3 && events[0].thinking == String(repeating: "hm", count: 1000))
        #expect(!events[1].opaque.isEmpty && events[2].text == "Hello")
    }

    @Test("who asked may take its time: that is not the provider's silence")
    func slowReader() async throws {
        var times = CallTimes()
        times.idle = .milliseconds(300)
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello + Self.end), .close])
        let upstream = Self.upstream(server.url, times: times)
        let report = await upstream.attempt(.hello(model: "claude-x"), with: Self.key, limit: .seconds(600)) { _ in
            // As long as a slow reader needs; nothing is waited for.
            try await Task.sleep(for: .milliseconds(900))
        }
        try await upstream.client.shutdown()
        await server.stop()
        #expect(Self.finished(report)?.stopReason == "end_turn")
    }

    @Test("a stream cut after its first word is cut, with what was counted")
    func cut() async throws {
        let (report, events, _) = try await Self.serve([.send(Self.head + Self.hello), .close])
        #expect(events.map(\.text) == ["Hello"] && report.isCommitted)
        #expect(Self.failure(report)?.kind == .cut && report.usage.input == 3)
    }

    @Test("failures before the first word commit nothing")
    func before() async throws {
        let inBand = Self.data(#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#)
        let cases: [([ScriptedServer.Step], HubModelEvent.Failed.Kind)] = [
            ([.send(Self.error("529 Overloaded", "overloaded_error")), .close], .overloaded),
            ([.send(Self.head), .close], .cut), ([.send(Self.head + inBand), .close], .overloaded),
            ([.close], .transient), ([.send(Self.error("500 Oops", "api_error")), .close], .transient),
            ([.send(Self.head + Self.begin + Self.end), .close], .transient),
            (
                [
                    .send(Self.head.replacing("\r\n\r\n", with: "\r\ncontent-encoding: gzip\r\n\r\n") + Self.hello),
                    .close,
                ],
                .badRequest
            ),
            (
                [.send("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi"), .close],
                .badRequest
            ),
            (
                [
                    .send(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 59\r\n\r\n"
                            + #"{"error":{"type":"rate_limit_error","message":"slow down"}}"#
                    ), .close,
                ], .rateLimit
            ),
        ]
        for (steps, kind) in cases {
            let (report, events, _) = try await Self.serve(steps)
            #expect(Self.failure(report)?.kind == kind, "\(steps)")
            #expect(!report.isCommitted && events.isEmpty)
        }
    }

    @Test("how long to wait comes from the response's head")
    func retryAfter() async throws {
        let (report, _, _) = try await Self.serve([
            .send(Self.error("429 Too Many", "rate_limit_error", "retry-after: 30\r\n")), .close,
        ])
        let failure = try #require(Self.failure(report))
        #expect(failure.kind == .rateLimit && failure.retryAfter == .seconds(30) && failure.status == 429)
    }

    @Test("the key is in no cause even when the server repeats it")
    func secret() async throws {
        let message = "invalid x-api-key \(Self.key.value) and team-token-1"
        let (report, _, _) = try await Self.serve(
            [.send(Self.error("401 Unauthorized", "authentication_error", message: message)), .close],
            headers: ["x-team": "team-token-1"]
        )
        let failure = try #require(Self.failure(report))
        #expect(failure.kind == .auth && failure.cause.contains("[redacted] and [redacted]"))
    }

    @Test("silence ends in time: before the head, before the first word, between words")
    func silence() async throws {
        var times = CallTimes()
        times.connect = .milliseconds(500)
        times.head = .milliseconds(300)
        times.firstContent = .milliseconds(300)
        times.idle = .milliseconds(300)
        let ping = Self.data(#"{"type":"ping"}"#)
        let cases: [[ScriptedServer.Step]] = [
            [.hold], [.send(Self.head + ping), .hold], [.send(Self.head + Self.hello), .hold],
        ]
        for steps in cases {
            let server = try await ScriptedServer.start(steps)
            let began = ContinuousClock.now
            let (report, _) = try await Self.ask(Self.upstream(server.url, times: times))
            let failure = try #require(Self.failure(report))
            #expect(failure.kind == .timeout && failure.scope == .provider, "\(steps)")
            #expect(ContinuousClock.now - began < .seconds(20))
            await server.clientClosed()
            await server.stop()
        }
    }

    @Test("an error whose body never ends is told by its status")
    func endlessError() async throws {
        var times = CallTimes()
        times.afterwards = .milliseconds(200)
        let (report, _, _) = try await Self.serve(
            [.send("HTTP/1.1 529 x\r\nretry-after: 7\r\ncontent-length: 99\r\n\r\n{"), .hold],
            times: times
        )
        #expect(Self.failure(report)?.kind == .overloaded && Self.failure(report)?.retryAfter == .seconds(7))
    }

    @Test("a whole answer counts as one even when the connection stays open behind it")
    func openEnd() async throws {
        let head = Self.head.replacing("connection: close\r\n", with: "")
        let (report, events, _) = try await Self.serve([.send(head + Self.hello + Self.end), .hold])
        #expect(Self.finished(report)?.stopReason == "end_turn" && events.map(\.text) == ["Hello"])
    }

    @Test("the whole attempt has a limit of its own, the shorter of the call's and the worker's")
    func total() async throws {
        let server = try await ScriptedServer.start([.send(Self.head + Self.hello), .hold])
        let (report, _) = try await Self.ask(Self.upstream(server.url), limit: .milliseconds(80))
        #expect(Self.failure(report)?.kind == .timeout && Self.failure(report)?.cause.contains("as a whole") == true)
        await server.stop()
    }

    @Test("nobody there is told as unreachable")
    func unreachable() async throws {
        let server = try await ScriptedServer.start()
        await server.stop()
        let (report, _) = try await Self.ask(Self.upstream(server.url))
        #expect(Self.failure(report)?.kind == .unreachable && report.status == 0)
    }

    @Test("an error's body is read up to its bound")
    func errorBound() async throws {
        let body = String(repeating: "x", count: Upstream.errorLimit * 2)
        let (report, _, _) = try await Self.serve([
            .send("HTTP/1.1 400 x\r\ncontent-length: 99999999\r\n\r\n\(body)"), .hold,
        ])
        let failure = try #require(Self.failure(report))
        #expect(failure.kind == .badRequest && failure.cause.utf8.count <= CallFailure.causeLimit)
    }

    @Test("cancelling, or an agent that is gone, closes the connection to the provider")
    func cancel() async throws {
        let server = try await ScriptedServer.start(
            [.send(Self.head + Self.hello), .hold],
            [.send(Self.head + Self.hello), .hold]
        )
        let upstream = Self.upstream(server.url)
        let (words, continuation) = AsyncStream<String>.makeStream()
        let asking = Task {
            await upstream.attempt(.hello(), with: Self.key, limit: .seconds(60)) { continuation.yield($0.text) }
        }
        for await word in words where word == "Hello" { break }
        asking.cancel()
        await server.clientClosed()
        let cancelled = await asking.value
        #expect(cancelled.end == .clientGone && cancelled.usage.input == 3 && cancelled.isCommitted)
        struct Gone: Error {}
        let gone = await upstream.attempt(.hello(), with: Self.key, limit: .seconds(60)) { _ in throw Gone() }
        #expect(gone.end == .clientGone)
        try await upstream.client.shutdown()
        await server.stop()
    }
}
