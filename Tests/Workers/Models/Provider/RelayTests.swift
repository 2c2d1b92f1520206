import Failover
import IPCHub
import ModelTestSupport
import NIOPosix
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@testable import Provider

@Suite("A provider that passes requests through", .timeLimit(.minutes(1)))
struct ProviderRelayTests {
    private static func failure(_ kind: HubModelEvent.Failed.Kind, after: Duration? = nil) -> CallFailure {
        CallFailure(kind, "the provider's words", status: 429, retryAfter: after)
    }

    private struct Answer {
        var head: HubRelayHead?
        var body = ""
        var error: String?
    }

    private static func relay(_ bench: ProviderBench, path: String = "/v1/chat/completions") async throws -> Answer {
        var request = HubRelayRequest()
        (request.path, request.model, request.caller.purpose) = (path, "m", "relay")
        let output = try await RecordedAnswer.make(on: MultiThreadedEventLoopGroup.singleton.next())
        try await bench.model.relay(RelayCall(request: request, body: []), into: output.answer)
        let seen = try await output.seen()
        #expect(seen.heads.count <= 1, "two heads")
        return Answer(head: seen.heads.first, body: seen.body, error: seen.error)
    }

    @Test("a key that fails before an answer begins is replaced, and both attempts are written down")
    func rotation() async throws {
        let wire = FakeWire(["key-a": [.fails(Self.failure(.rateLimit))], "key-b": [.answers("data: x\n\n")]])
        let bench = ProviderBench(wire)
        let answer = try await Self.relay(bench)
        #expect(wire.asked == ["key-a", "key-b"])
        #expect(answer.head?.status == 200 && answer.body == "data: x\n\n" && answer.error == "")
        try await bench.until { bench.rows.count == 2 }
        let rows = bench.rows.sorted { $0.id < $1.id }
        #expect(rows.map(\.end) == ["failed", "finished"] && rows.allSatisfy { $0.caller.purpose == "relay" })
    }

    @Test("when no key answers the head says so, how long to wait, and that another model may do better")
    func refused() async throws {
        let wire = FakeWire(["key-a": [.fails(Self.failure(.rateLimit, after: .milliseconds(90_100)))]])
        let bench = ProviderBench(wire, keys: ["openai:a": "key-a"])
        let answer = try await Self.relay(bench, path: "/v1/messages")
        let head = try #require(answer.head)
        #expect(head.status == 429 && head.tryNext && head.attempts == 1 && answer.error == "")
        #expect(head.headers.contains { $0.name == "retry-after" && ($0.value == "90" || $0.value == "91") }, "\(head)")
        let error = try JSON(parsing: Array(answer.body.utf8))
        #expect(error["error"]?["type"] == "rate_limit_error")
        #expect(error["error"]?["message"]?.string?.contains("the provider's words") == true)
    }

    @Test("an answer that breaks ends with an error event, and is not whole")
    func broken() async throws {
        let bench = ProviderBench(FakeWire(["key-a": [.breaks("data: x\n\n", Self.failure(.cut))]]))
        let answer = try await Self.relay(bench)
        #expect(answer.head?.status == 200 && answer.error?.contains("the provider's words") == true)
        #expect(answer.body.hasPrefix("data: x\n\ndata: {\"error\":"))
        try await bench.until { bench.rows.first?.end == "cut" }
    }

    @Test("a client that goes away leaves its row in the ledger")
    func gone() async throws {
        let wire = FakeWire(["key-a": [.waits]])
        let bench = ProviderBench(wire)
        let asking = Task { try await Self.relay(bench) }
        try await bench.until { !wire.asked.isEmpty }
        asking.cancel()
        _ = try? await asking.value  // cancelled
        try await bench.until { bench.rows.first?.end == "client-gone" }
    }

    @Test("another dialect is refused, and nobody is asked, here or elsewhere")
    func dialect() async throws {
        let wire = FakeWire([:])
        let answer = try await Self.relay(ProviderBench(wire), path: "/v1/other")
        #expect(answer.head?.status == 400 && answer.head?.tryNext == false && answer.error == "" && wire.asked.isEmpty)
        #expect(answer.body.contains("which /v1/other is not the path of"))
    }
}

extension FakeWire: RelayAttempts {
    func relayFormat(_ path: String) -> RelayFormat? { RelayFormat(rawValue: path) }

    func relay(
        _ call: RelayCall,
        _ format: RelayFormat,
        with key: ProviderKey,
        limit: Duration,
        into answer: RelayAnswer,
        first: @escaping @Sendable () -> Void,
        ended: @escaping @Sendable (AttemptReport) -> Void
    ) async -> AttemptReport? {
        let isFirst = Mutex(true)
        var request = HubModelRequest()
        request.model = call.request.model
        let report = await attempt(ModelCall(request: request, messages: []), with: key, limit: limit) { event in
            if isFirst.withLock({ first in
                defer { first = false }; return first
            }) {
                first()
                answer.head(.with { $0.status = 200 })
            }
            answer.body(Array(event.text.utf8))
        }
        guard !isFirst.withLock({ $0 }) else { return report }
        ended(report)
        return nil
    }
}
