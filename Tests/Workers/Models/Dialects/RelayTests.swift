import Config
import Failover
import FoundationEssentials
import IPCHub
import Logging
import ModelDialects
import ModelTestSupport
import ModelUpstream
import NIOPosix
import Runtime
import Synchronization
import Testing

@Suite("Requests that are passed through")
struct RelayTests {
    private static let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: r1\r\nset-cookie: no\r\nconnection: close\r\n\r\n"
    private static let role =
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
    private static let word =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi \\\"usage\\\":\"},\"finish_reason\":null}],\"usage\":null}\n\n"
    private static let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    private static let counts = "data: {\"choices\": [],\"usage\": {\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n"
    private static let done = "data: [DONE]\n\n"

    private static func relay(
        _ steps: [ScriptedServer.Step],
        body: String = #"{"model":"gw/x","stream":true,"messages":[]}"#,
        path: String = "/v1/chat/completions",
        dialect: ProviderConfig.Dialect = .chatCompletions,
        headers: [(String, String)] = []
    ) async throws -> (report: AttemptReport, heads: [UInt32], headers: [String], body: String, request: String) {
        let server = try await ScriptedServer.start(steps)
        var config = ProviderConfig()
        (config.provider, config.dialect, config.baseURL) = ("own", dialect, server.url)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let upstream = makeUpstream(config, group: MultiThreadedEventLoopGroup.singleton, log: log)
        let format = try #require(upstream.relayFormat(path))
        var request = HubRelayRequest()
        (request.path, request.model) = (path, "real-model")
        request.headers = headers.map { field in
            var header = HubRelayHeader()
            (header.name, header.value) = field
            return header
        }
        let output = try await RecordedAnswer.make(on: upstream.connections.loop)
        let firsts = Mutex(0)
        let key = ProviderKey(profile: "p", kind: .apiKey, value: "sk-own-secret-key")
        let report = try await output.ending { ended in
            await upstream.relay(
                RelayCall(request: request, body: Array(body.utf8)),
                format,
                with: key,
                limit: .seconds(60),
                into: output.answer,
                first: { firsts.withLock { $0 += 1 } },
                ended: ended
            )
        }
        let seen = try await output.seen()
        #expect(firsts.withLock { $0 } == seen.heads.count && seen.error == nil)
        try await upstream.client.shutdown()
        await server.stop()
        return (
            report, seen.heads.map(\.status), seen.heads.flatMap(\.headers).map { "\($0.name): \($0.value)" },
            seen.body,
            server.requests.first ?? ""
        )
    }

    private static func failure(_ report: AttemptReport) -> CallFailure? {
        if case .failed(let failure) = report.end { failure } else { nil }
    }

    @Test(
        "a stream goes on byte for byte; the model's name is replaced, counts are asked for and kept from who did not"
    )
    func stream() async throws {
        let answer = try await Self.relay([
            .send(Self.head + ": hello\n\n" + Self.role + Self.word + Self.stop + Self.counts + Self.done), .close,
        ])
        #expect(answer.body == ": hello\n\n" + Self.role + Self.word + Self.stop + Self.done)
        #expect(answer.heads == [200] && answer.headers == ["content-type: text/event-stream", "x-request-id: r1"])
        #expect(answer.report.isCommitted && answer.report.usage.input == 7 && answer.report.usage.output == 2)
        #expect(answer.report.source == .reported && answer.report.servedModel == "m")
        guard case .finished = answer.report.end else {
            Issue.record("\(answer.report.end)")
            return
        }
        #expect(answer.request.hasPrefix("POST /chat/completions HTTP/1.1"))
        #expect(
            answer.request.hasSuffix(
                #"{"stream_options":{"include_usage":true},"model":"real-model","stream":true,"messages":[]}"#
            )
        )
        let asked = try await Self.relay(
            [.send(Self.head + Self.word + Self.stop + Self.counts + Self.done), .close],
            body: #"{"stream":true,"stream_options":{"include_usage":true}}"#
        )
        #expect(
            asked.body.contains("prompt_tokens")
                && asked.request.hasSuffix(
                    #"{"model":"real-model","stream":true,"stream_options":{"include_usage":true}}"#
                )
        )
    }

    @Test("a stream that does not name its type is one where one was asked for")
    func untyped() async throws {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
        let answer = try await Self.relay([.send(head + Self.word + Self.stop + Self.done), .close])
        #expect(answer.body == Self.word + Self.stop + Self.done)
    }

    @Test("an answer in one piece goes on as it is, with its counts in the report")
    func whole() async throws {
        let text =
            #"{"model":"m","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4},"x":1}"#
        let answer = try await Self.relay(
            [
                .send(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \(text.utf8.count)\r\n\r\n\(text)"
                ), .close,
            ],
            body: #"{"model":"gw/x","messages":[]}"#
        )
        #expect(answer.body == text && answer.report.usage.output == 4)
        #expect(answer.request.hasSuffix(#"{"model":"real-model","messages":[]}"#))
    }

    @Test("before the answer begins a failure passes nothing on: another key or model can take over")
    func before() async throws {
        let error = #"{"error":{"message":"x","type":"server_error"}}"#
        let cases: [([ScriptedServer.Step], HubModelEvent.Failed.Kind)] = [
            ([.send("HTTP/1.1 429 x\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n"), .close], .rateLimit),
            ([.send(Self.head + Self.role + "data: \(error)\n\n"), .close], .transient),
            ([.send(Self.head + Self.role), .close], .cut),
            ([.send(Self.head + Self.role + Self.stop + Self.done), .close], .transient),
            ([.send(Self.head + Self.role + "data: {nonsense\n\n"), .close], .cut), ([.close], .transient),
            (
                [
                    .send(Self.head.replacing("\r\n\r\n", with: "\r\ncontent-encoding: gzip\r\n\r\n") + Self.word),
                    .close,
                ], .badRequest
            ),
            (
                [.send("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>"), .close],
                .badRequest
            ),
        ]
        for (steps, kind) in cases {
            let answer = try await Self.relay(steps)
            #expect(Self.failure(answer.report)?.kind == kind, "\(steps)")
            #expect(!answer.report.isCommitted && answer.heads.isEmpty && answer.body.isEmpty)
        }
    }

    @Test("behind its beginning an answer that ends without its end is cut, an error in it is one")
    func after() async throws {
        let cut = try await Self.relay([.send(Self.head + Self.word), .close])
        #expect(Self.failure(cut.report)?.kind == .cut && cut.report.isCommitted && cut.body == Self.word)
        let error = "data: {\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}\n\n"
        let failed = try await Self.relay([.send(Self.head + Self.word + error), .close])
        #expect(Self.failure(failed.report)?.kind == .billing && failed.body == Self.word + error)
    }

    @Test("Anthropic's and Responses' streams are read for their ends and counts as well")
    func others() async throws {
        let messages =
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":5}}}\n\n"
            + "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
            + "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":6}}\n\n"
            + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        let anthropic = try await Self.relay(
            [.send(Self.head + messages), .close],
            path: "/v1/messages",
            dialect: .anthropic,
            headers: [
                ("anthropic-version", "2026-10-21"), ("anthropic-beta", "b-1"), ("authorization", "Bearer client"),
            ]
        )
        #expect(anthropic.body == messages && anthropic.report.usage.input == 5 && anthropic.report.usage.output == 6)
        let head = anthropic.request.lowercased()
        #expect(head.contains("anthropic-version: 2026-10-21") && head.contains("anthropic-beta: b-1"))
        #expect(!head.contains("bearer client") && head.contains("sk-own-secret-key"))
        let responses =
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"hi\"}\n\n"
            + "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":9}}}\n\n"
        let openAI = try await Self.relay(
            [.send(Self.head + responses), .close],
            path: "/v1/responses",
            dialect: .responses
        )
        #expect(openAI.body == responses && openAI.report.usage.output == 9)
    }

    @Test("a provider relays its own dialect only")
    func dialects() {
        var config = ProviderConfig()
        (config.provider, config.baseURL) = ("own", "http://127.0.0.1:9")
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func formats(_ dialect: ProviderConfig.Dialect, _ provider: String) -> [RelayFormat] {
            (config.dialect, config.provider) = (dialect, provider)
            let upstream = makeUpstream(config, group: MultiThreadedEventLoopGroup.singleton, log: log)
            defer { Task { try? await upstream.client.shutdown() } }
            return RelayFormat.allCases.filter { upstream.relayFormat($0.rawValue) != nil }
        }
        #expect(formats(.anthropic, "own") == [.messages] && formats(.chatCompletions, "own") == [.chat])
        #expect(formats(.responses, "openai") == [.chat, .responses] && formats(.google, "google") == [])
    }
}
