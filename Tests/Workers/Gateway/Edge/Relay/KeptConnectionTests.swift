import FoundationEssentials
import IPCHub
import NIOCore
import SwiftProtobuf
import TestSupport
import Testing

@testable import Gateway

@Suite("A connection that carries one relayed request after another", .timeLimit(.minutes(1)))
struct KeptConnectionTests {
    private static func json(isWhole: Bool = true) -> [HubMessage] {
        var head = HubRelayHead()
        head.status = 200
        head.headers = [.with { ($0.name, $0.value) = ("content-type", "application/json") }]
        let body = [HubMessage.relayHead(head), .mediaChunk(.with { $0.data = Data("{}".utf8) })]
        return isWhole ? body + [.mediaEnd(HubMediaEnd())] : body
    }

    private static let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

    /// A client that has been answered once and keeps its connection.
    private static func kept(_ bench: EdgeBench) async throws -> RawClient {
        let client = try await RawClient.connect(bench)
        try await client.say(RelayHTTPTests.post())
        try await client.read("\r\n\r\n{}")
        return client
    }

    @Test("the next request is answered on it, with its length; a refusal in the dialect keeps it too")
    func next() async throws {
        let workers = FakeRelayWorkers(Self.json())
        try await RelayHTTPTests.with(workers) { bench in
            let client = try await Self.kept(bench)
            for _ in 1...2 {
                try await client.say(RelayHTTPTests.post())
                let answer = try await client.read("\r\n\r\n{}")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("Content-Length: 2\r\n"))
                #expect(!answer.lowercased().contains("connection:") && !answer.contains("chunked"))
            }
            let bad = #"{"model":"nobody/m"}"#
            let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nx-api-key: \(EdgeBench.token)\r\n"
            try await client.say(head + "Content-Length: \(bad.utf8.count)\r\n\r\n" + bad)
            #expect(try await client.read("provider/model").hasPrefix("HTTP/1.1 404"))
            // Two at once, in their order.
            try await client.say(RelayHTTPTests.post() + RelayHTTPTests.post())
            try await client.read("\r\n\r\n{}")
            try await client.read("\r\n\r\n{}")
            #expect(workers.opened.count == 5)
            await client.close()
        }
    }

    @Test(
        "it ends with the answer when the client wants so, with a stream of events, and with what is not whole",
        arguments: ["close", "1.0", "cut"]
    )
    func ends(why: String) async throws {
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json(isWhole: why != "cut"))) { bench in
            let client = try await RawClient.connect(bench)
            let headers = ["Authorization: Bearer \(EdgeBench.token)"] + (why == "close" ? ["Connection: close"] : [])
            try await client.say(
                RelayHTTPTests.post("/v1/messages", headers, version: why == "1.0" ? "1.0" : "1.1")
            )
            if why == "cut" {
                let answer = try await client.read("2\r\n{}\r\n")
                #expect(answer.contains("transfer-encoding: chunked"))
                return await client.close()
            }
            #expect(try await client.rest().contains("Connection: close"))
        }
    }

    @Test("what is no relayed request is answered as ever, and each request proves itself")
    func others() async throws {
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json())) { bench in
            let client = try await Self.kept(bench)
            try await client.say(Self.get)
            let answer = try await client.rest()
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("Connection: close"))
            let other = try await Self.kept(bench)
            try await other.say(RelayHTTPTests.post("/v1/chat/completions", ["x-api-key: wrong"]))
            let refused = try await other.rest()
            #expect(refused.hasPrefix("HTTP/1.1 401") && refused.contains("Connection: close"))
        }
    }

    @Test("a WebSocket may begin on it, and is a stranger until it proves itself")
    func upgrade() async throws {
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json())) { setup in
            setup.limits.strangers = 1
            setup.limits.strangerPatience = .milliseconds(300)
        } _: { bench in
            let client = try await Self.kept(bench)
            try await client.say(
                "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==\r\n\r\n"
            )
            let answer = try await client.read("connect.challenge")
            #expect(answer.hasPrefix("HTTP/1.1 101"))
            // The only stranger that may be here makes room for who waits; so would a probe that is slow itself.
            try await eventually { (try? await HTTPProbe.get(bench, "/healthz").status) == 200 }
            _ = try await client.rest()
        }
    }

    @Test("a request that would upgrade to what we do not speak is answered, and is the last")
    func otherUpgrade() async throws {
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json())) { bench in
            let client = try await Self.kept(bench)
            let headers = ["x-api-key: \(EdgeBench.token)", "Connection: Upgrade", "Upgrade: h2c"]
            try await client.say(RelayHTTPTests.post("/v1/chat/completions", headers))
            let answer = try await client.rest()
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("Connection: close"))
        }
    }

    @Test("so many wait and no more, each for so long, and none when the gateway drains")
    func bounds() async throws {
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json())) { setup in
            setup.limits.kept = 1
        } _: { bench in
            let first = try await Self.kept(bench)
            let second = try await Self.kept(bench)
            #expect(try await first.rest().isEmpty)
            await bench.server.stopAccepting()
            #expect(try await second.rest().isEmpty)
        }
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json())) { setup in
            setup.limits.keptFor = .milliseconds(100)
        } _: { bench in
            let (first, second) = (try await Self.kept(bench), try await Self.kept(bench))
            #expect(try await first.rest().isEmpty)
            #expect(try await second.rest().isEmpty)
        }
    }

    @Test("the request in hand has its own time, however long the connection has been there")
    func late() async throws {
        try await RelayHTTPTests.with(FakeRelayWorkers(Self.json())) { setup in
            (setup.limits.relay, setup.limits.keptFor) = (.milliseconds(400), .milliseconds(800))
        } _: { bench in
            // Nothing limits who waits but the wait's own limit.
            var start = ContinuousClock.now
            #expect(try await Self.kept(bench).rest().isEmpty)
            #expect(start.duration(to: .now) >= .milliseconds(750))
            let client = try await Self.kept(bench)
            start = .now
            try await client.say(String(RelayHTTPTests.post().dropLast(3)))
            #expect(try await client.rest().isEmpty)
            #expect(start.duration(to: .now) >= .milliseconds(350))
        }
    }
}
