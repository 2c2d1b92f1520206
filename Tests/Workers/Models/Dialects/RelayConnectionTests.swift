import Config
import Failover
import IPCHub
import Logging
import ModelDialects
import ModelOpenAI
import ModelTestSupport
import ModelUpstream
import NIOPosix
import Runtime
import TestSupport
import Testing

@Suite("Connections for requests that are passed through", .timeLimit(.minutes(1)))
struct RelayConnectionTests {
    private static let word = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n"
    private static let end =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
    private static let open = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"

    private static func kept(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func upstream(
        _ server: ScriptedServer,
        times: CallTimes = CallTimes(),
        mostIdle: Int = 8,
        idleTime: Duration = .seconds(3600)
    ) -> Upstream {
        var config = ProviderConfig()
        (config.provider, config.dialect, config.baseURL) = ("own", .chatCompletions, server.url)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return Upstream(
            client: ProviderClient(group: loop, connectTimeout: times.connect),
            connections: ProviderConnections(
                baseURL: server.url,
                connectTimeout: times.connect,
                on: loop,
                mostIdle: mostIdle,
                idleTime: idleTime
            ),
            dialect: ChatDialect(config),
            config: config,
            times: times,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private static func relay(_ upstream: Upstream, into output: RecordedAnswer.Handle) async throws -> AttemptReport {
        let body = #"{"model":"gw/x","stream":true,"stream_options":{},"messages":[]}"#
        return try await output.ending { ended in
            await upstream.relay(
                RelayCall(request: HubRelayRequest(), body: Array(body.utf8)),
                .chat,
                with: ProviderKey(profile: "p", kind: .apiKey, value: "sk-own-secret-key"),
                limit: .seconds(60),
                into: output.answer,
                first: {},
                ended: ended
            )
        }
    }

    private static func isFinished(_ report: AttemptReport) -> Bool {
        if case .finished = report.end { true } else { false }
    }

    private static func failure(_ report: AttemptReport) -> CallFailure? {
        if case .failed(let failure) = report.end { failure } else { nil }
    }

    @Test("a connection whose answer was whole carries the next request")
    func reuse() async throws {
        let answer = Self.kept(Self.word + Self.end)
        let server = try await ScriptedServer.start([.send(answer)], [.send(answer)])
        let upstream = Self.upstream(server)
        for _ in 0..<2 {
            let output = try await RecordedAnswer.make(on: upstream.connections.loop)
            #expect(try await Self.isFinished(Self.relay(upstream, into: output)))
            #expect(try await output.seen().body == Self.word + Self.end)
        }
        #expect(server.connections == 1 && server.requests.count == 2)
        // Memory is short: what rests goes, and the next request dials.
        await upstream.shed()
        let output = try await RecordedAnswer.make(on: upstream.connections.loop)
        _ = try await Self.relay(upstream, into: output)
        #expect(server.connections == 2)
        try await upstream.client.shutdown()
        await server.stop()
    }

    @Test("it waits for so long and no longer, and no more of them than may wait")
    func rest() async throws {
        for (most, time) in [(8, Duration.milliseconds(100)), (0, .seconds(3600))] {
            let server = try await ScriptedServer.start([.send(Self.kept(Self.word + Self.end)), .hold])
            let upstream = Self.upstream(server, mostIdle: most, idleTime: time)
            let output = try await RecordedAnswer.make(on: upstream.connections.loop)
            #expect(try await Self.isFinished(Self.relay(upstream, into: output)))
            await server.clientClosed()
            try await upstream.client.shutdown()
            await server.stop()
        }
    }

    @Test("one that the provider had closed is replaced, once; a new one that it closes is a failure")
    func stale() async throws {
        let answer = Self.kept(Self.word + Self.end)
        let server = try await ScriptedServer.start([.send(answer)], [.close], [.send(answer)], [.close], [.close])
        let upstream = Self.upstream(server)
        var ends: [Bool] = []
        for _ in 0..<3 {
            let output = try await RecordedAnswer.make(on: upstream.connections.loop)
            let report = try await Self.relay(upstream, into: output)
            ends.append(Self.isFinished(report))
            if ends.count == 3 { #expect(Self.failure(report)?.kind == .transient, "\(report.end)") }
        }
        #expect(ends == [true, true, false])
        #expect(server.requests.count == 5 && server.connections == 3)
        try await upstream.client.shutdown()
        await server.stop()
    }

    @Test("a client that does not read holds the provider back, and reads all of it afterwards")
    func backpressure() async throws {
        let filler = Self.word.replacing("hi", with: String(repeating: "x", count: 60_000))
        let server = try await ScriptedServer.start([
            .send(Self.open + Self.word + String(repeating: filler, count: 400) + Self.end), .hold,
        ])
        let upstream = Self.upstream(server)
        let output = try await RecordedAnswer.make(on: upstream.connections.loop)
        async let report = Self.relay(upstream, into: output)
        try await eventually { try await !output.seen().body.isEmpty }
        try await output.set(writable: false)
        // Whatever was in a reading under way has come; from then on nothing does.
        let held = try await output.seen().body.utf8.count
        for _ in 0..<50 { _ = try await output.seen() }
        #expect(try await output.seen().body.utf8.count <= held + 65_536 && held < 12_000_000)
        try await output.set(writable: true)
        #expect(Self.isFinished(try await report))
        #expect(try await output.seen().body == Self.word + String(repeating: filler, count: 400) + Self.end)
        try await upstream.client.shutdown()
        await server.stop()
    }

    @Test("silence ends in time: before the head, before the first word, between words, and in an error's words")
    func silence() async throws {
        typealias Case = (
            WritableKeyPath<CallTimes, Duration>, [ScriptedServer.Step], HubModelEvent.Failed.Kind, Bool
        )
        let cases: [Case] = [
            (\.head, [.hold], .timeout, false), (\.firstContent, [.send(Self.open), .hold], .timeout, false),
            (\.idle, [.send(Self.open + Self.word), .hold], .timeout, true),
            (\.afterwards, [.send("HTTP/1.1 429 x\r\ncontent-length: 10\r\n\r\n"), .hold], .rateLimit, false),
        ]
        for (phase, steps, kind, isCommitted) in cases {
            var times = CallTimes()
            times.connect = .milliseconds(100)
            times[keyPath: phase] = .milliseconds(100)
            let server = try await ScriptedServer.start(steps)
            let upstream = Self.upstream(server, times: times)
            let began = ContinuousClock.now
            let report = try await Self.relay(
                upstream,
                into: try await RecordedAnswer.make(on: upstream.connections.loop)
            )
            #expect(Self.failure(report)?.kind == kind && report.isCommitted == isCommitted, "\(report.end)")
            #expect(ContinuousClock.now - began < .seconds(50))
            await server.clientClosed()
            try await upstream.client.shutdown()
            await server.stop()
        }
        // The end of the body did not come, and nobody waits for it: the answer was whole.
        let server = try await ScriptedServer.start([.send(Self.open + Self.word + Self.end), .hold])
        let upstream = Self.upstream(server)
        let report = try await Self.relay(upstream, into: try await RecordedAnswer.make(on: upstream.connections.loop))
        #expect(Self.isFinished(report))
        try await upstream.client.shutdown()
        await server.stop()
    }

    @Test("who goes away ends the request at the provider")
    func gone() async throws {
        let server = try await ScriptedServer.start([.send(Self.open + Self.word), .hold])
        let upstream = Self.upstream(server)
        let output = try await RecordedAnswer.make(on: upstream.connections.loop)
        let asking = Task { try await Self.relay(upstream, into: output) }
        try await eventually { try await !output.seen().body.isEmpty }
        try await output.leave()
        let report = try await asking.value
        guard case .clientGone = report.end else {
            Issue.record("\(report.end)")
            return
        }
        await server.clientClosed()
        try await upstream.client.shutdown()
        await server.stop()
    }

    @Test("who goes away before an answer begins ends the request as well")
    func goneEarly() async throws {
        let server = try await ScriptedServer.start([.hold])
        let upstream = Self.upstream(server)
        let output = try await RecordedAnswer.make(on: upstream.connections.loop)
        let asking = Task { try await Self.relay(upstream, into: output) }
        try await eventually { server.requests.count == 1 }
        asking.cancel()
        guard case .clientGone = try await asking.value.end else {
            Issue.record("it went on")
            return
        }
        await server.clientClosed()
        try await upstream.client.shutdown()
        await server.stop()
    }

    @Test("a base URL that is none is said, and nobody is dialled")
    func badAddress() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let connections = ProviderConnections(baseURL: "ftp://x", connectTimeout: .seconds(1), on: loop)
        let client = ProviderClient(group: loop, connectTimeout: .seconds(1))
        let upstream = Upstream(
            client: client,
            connections: connections,
            dialect: ChatDialect(ProviderConfig()),
            config: ProviderConfig(),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let report = try await Self.relay(upstream, into: try await RecordedAnswer.make(on: loop))
        #expect(Self.failure(report)?.cause.contains("no address of HTTP") == true)
        try await client.shutdown()
    }
}
