import Config
import FoundationEssentials
import IPCHub
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestSupport
import Testing

@testable import Gateway

@Suite("The pass-through endpoint over real sockets", .timeLimit(.minutes(1)))
struct RelayHTTPTests {
    private static let body = #"{"model":"one/m","stream":true}"#

    static func post(
        _ path: String = "/v1/chat/completions",
        _ headers: [String] = ["Authorization: Bearer \(EdgeBench.token)"],
        version: String = "1.1"
    ) -> String {
        "POST \(path) HTTP/\(version)\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n"
            + headers.map { $0 + "\r\n" }.joined() + "\r\n" + body
    }

    private static func stream(_ text: String, isWhole: Bool = true) -> [HubMessage] {
        var head = HubRelayHead()
        head.status = 200
        let headers = [
            ("content-type", "text/event-stream"), ("x-request-id", "r1"), ("set-cookie", "no"), ("x-bad", "a\r\nb: c"),
            ("content-length", "1"),
        ]
        head.headers = headers.map { header in .with { ($0.name, $0.value) = header } }
        let body = [HubMessage.relayHead(head), .mediaChunk(.with { $0.data = Data(text.utf8) })]
        return isWhole ? body + [.mediaEnd(HubMediaEnd())] : body
    }

    static func with(
        _ workers: FakeRelayWorkers,
        _ change: (inout EdgeBench.Setup) -> Void = { _ in },
        _ body: (EdgeBench) async throws -> Void
    ) async throws {
        try await EdgeBench.run { setup in
            setup.config.endpoint.enabled = true
            setup.config.models = [.init(worker: "model:one", provider: "one")]
            setup.config.agents[0].model.primary = .init(model: "one/m", worker: "model:one")
            setup.relays = workers
            change(&setup)
        } _: { bench in
            try await body(bench)
        }
    }

    @Test("an answer goes out in chunks with what of its head is safe; to HTTP/1.0 until the connection ends")
    func stream() async throws {
        try await Self.with(FakeRelayWorkers(Self.stream("data: 1\n\n"))) { bench in
            let answer = try await HTTPProbe.send(bench, Self.post())
            #expect(answer.status == 200 && answer.body == "9\r\ndata: 1\n\n\r\n0\r\n\r\n")
            #expect(answer.headers["transfer-encoding"] == "chunked" && answer.headers["connection"] == "close")
            #expect(answer.headers["x-request-id"] == "r1" && answer.headers["x-clawhold-model"] == "one/m")
            for name in ["set-cookie", "x-bad", "b", "content-length"] { #expect(answer.headers[name] == nil) }
            let old = try await HTTPProbe.send(bench, Self.post(version: "1.0"))
            #expect(old.status == 200 && old.body == "data: 1\n\n" && old.headers["transfer-encoding"] == nil)
        }
    }

    @Test(
        "the key is the gateway's, as a bearer or in Anthropic's header; whoever guesses is locked out, in the dialect"
    )
    func key() async throws {
        try await Self.with(FakeRelayWorkers(Self.stream("data: 1\n\n"))) { bench in
            let anthropic = try await HTTPProbe.send(
                bench,
                Self.post("/v1/messages", ["x-api-key: \(EdgeBench.token)"])
            )
            #expect(anthropic.status == 200)
            for headers in [[], ["x-api-key: wrong"], ["Authorization: Bearer wrong"]] {
                let answer = try await HTTPProbe.send(bench, Self.post("/v1/messages", headers))
                #expect(answer.status == 401 && answer.body.contains("authentication_error"))
            }
            let guess = ["x-api-key: wrong", "X-Forwarded-For: 8.8.8.8"]
            var status = 401
            for _ in 0..<50 where status == 401 {
                status = try await HTTPProbe.send(bench, Self.post("/v1/messages", guess)).status
            }
            let locked = try await HTTPProbe.send(
                bench,
                Self.post("/v1/messages", ["x-api-key: \(EdgeBench.token)", "X-Forwarded-For: 8.8.8.8"])
            )
            #expect(status == 429 && locked.status == 429 && locked.body.contains("rate_limit_error"))
            #expect(locked.headers["retry-after"] != nil)
        }
    }

    @Test("by default there is nothing at its paths")
    func off() async throws {
        let workers = FakeRelayWorkers(Self.stream("data: 1\n\n"))
        try await Self.with(workers) {
            $0.config.endpoint.enabled = false
        } _: { bench in
            let answer = try await HTTPProbe.send(bench, Self.post())
            #expect(answer.status == 405 && workers.opened.isEmpty)
            let list = try await HTTPProbe.get(
                bench,
                "/v1/models",
                headers: ["Authorization: Bearer \(EdgeBench.token)"]
            )
            #expect(!list.body.contains("one/m"))
        }
    }

    @Test("the list of models is OpenAI's, for who knows the key")
    func list() async throws {
        try await Self.with(FakeRelayWorkers([])) { bench in
            #expect(try await HTTPProbe.get(bench, "/v1/models").status == 401)
            let list = try await HTTPProbe.get(bench, "/v1/models", headers: ["x-api-key: \(EdgeBench.token)"])
            #expect(
                list.body
                    == #"{"object":"list","data":[{"id":"one/m","object":"model","created":0,"owned_by":"one"}]}"#
            )
        }
    }

    @Test("a client that goes away ends the worker's stream")
    func gone() async throws {
        let workers = FakeRelayWorkers(Self.stream("data: 1\n\n", isWhole: false))
        try await Self.with(workers) { bench in
            let client = try await ClientBootstrap(group: bench.group).connect(host: "127.0.0.1", port: bench.port) {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
            try await client.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: Self.post()))
                var text = ""
                for try await part in inbound {
                    text += String(buffer: part)
                    if text.contains("data: 1") { break }
                }
            }
            try await eventually { workers.closed == 1 }
        }
    }

    @Test("an answer that is not whole is not ended either")
    func cut() async throws {
        var script = Self.stream("{", isWhole: false)
        script.append(.mediaEnd(.with { $0.error = "it broke" }))
        var head = HubRelayHead()
        head.status = 200
        script[0] = .relayHead(head)
        try await Self.with(FakeRelayWorkers(script)) { bench in
            let answer = try await HTTPProbe.send(bench, Self.post())
            #expect(answer.status == 200 && answer.body == "1\r\n{\r\n")
        }
    }

    @Test("who has the key is no stranger: an answer that takes long is not put out for others who wait")
    func patience() async throws {
        let workers = FakeRelayWorkers(Self.stream("data: 1\n\n", isWhole: false))
        try await Self.with(workers) { setup in
            setup.limits.strangers = 1
            setup.limits.strangerPatience = .seconds(2)
        } _: { bench in
            let client = try await ClientBootstrap(group: bench.group).connect(host: "127.0.0.1", port: bench.port) {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
            try await client.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: Self.post()))
                try await eventually { workers.opened.count == 1 }
                for _ in 0..<3 { #expect(try await HTTPProbe.get(bench, "/healthz").status == 200) }
                #expect(workers.closed == 0)
            }
        }
    }
}
