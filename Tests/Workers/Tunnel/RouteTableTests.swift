import Config
import NIOCore
import NIOHTTP1
import Testing

@testable import Tunnel

@Suite("The tunnel's door")
struct RouteTableTests {
    private let webhooks = RouteTable(routes: [
        TunnelRoute(worker: "channel:voice:default", path: "/voice/webhook", port: 3334),
        TunnelRoute(worker: "channel:telegram:default", path: "/telegram-webhook", port: 8787),
    ])

    private func decide(
        _ table: RouteTable,
        _ uri: String,
        _ method: HTTPMethod = .POST,
        headers: HTTPHeaders = [:],
        nonces: [String] = []
    ) -> RouteTable.Decision {
        table.decide(HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)) {
            nonces.contains($0) ? "proof of \($0)" : nil
        }
    }

    @Test("lets listed paths through, exactly, whatever their query")
    func listed() {
        #expect(decide(webhooks, "/voice/webhook") == .forward(0))
        #expect(decide(webhooks, "/voice/webhook?callId=1&type=status", .GET) == .forward(0))
        #expect(decide(webhooks, "/telegram-webhook") == .forward(1))
    }

    @Test(
        "knows of nothing else",
        arguments: [
            "/", "/voice", "/voice/webhook/", "/voice/webhook/x", "/voice/webhookx", "//voice/webhook",
            "/VOICE/webhook",
            "/voice/%77ebhook", "/voice/../voice/webhook", "/healthz", "/metrics", "/ws", "/telegram-webhook%00",
        ]
    )
    func unlisted(uri: String) {
        #expect(decide(webhooks, uri) == .answer(.notFound, "not found"))
    }

    @Test("is no proxy", arguments: ["http://127.0.0.1:18789/", "127.0.0.1:18789", "*", ""])
    func proxies(uri: String) {
        #expect(decide(webhooks, uri) == .answer(.badRequest, "bad request"))
        #expect(decide(webhooks, uri, .CONNECT) == .answer(.badRequest, "bad request"))
    }

    @Test("refuses bodies that are announced too long, and lengths that are none")
    func lengths() {
        let long = HTTPHeaders([("Content-Length", String(RouteTable.bodyBytes + 1))])
        #expect(decide(webhooks, "/voice/webhook", headers: long) == .answer(.payloadTooLarge, "too long"))
        for text in ["-1", "x", "99999999999999999999", ""] {
            let headers = HTTPHeaders([("Content-Length", text)])
            #expect(decide(webhooks, "/voice/webhook", headers: headers) == .answer(.badRequest, "no such length"))
        }
        #expect(
            decide(webhooks, "/voice/webhook?" + String(repeating: "x", count: 8200))
                == .answer(.uriTooLong, "too long")
        )
    }

    @Test("answers its own probes on listed paths, and hands everybody else's on")
    func probes() {
        let nonce = String(repeating: "a1", count: 16)
        let uri = "/voice/webhook?x=1&clawhold-probe=\(nonce)"
        #expect(decide(webhooks, uri, .GET, nonces: [nonce]) == .prove("proof of \(nonce)"))
        #expect(decide(webhooks, uri, .POST, nonces: [nonce]) == .forward(0))
        #expect(decide(webhooks, uri, .GET) == .forward(0))
        #expect(
            decide(webhooks, "/other?clawhold-probe=\(nonce)", .GET, nonces: [nonce]) == .answer(.notFound, "not found")
        )
    }

    @Test("answers a nonce once, and only one of its own")
    func nonces() throws {
        let nonces = Nonces()
        let (nonce, answer) = try #require(nonces.make())
        #expect(nonce.utf8.count == 32 && RouteTable.nonce("/x?clawhold-probe=\(nonce)") == nonce)
        #expect(nonces.take("00") == nil)
        #expect(nonces.take(nonce) == answer && nonces.take(nonce) == nil)
        #expect(Nonces().take(nonce) == nil)
        for _ in 0..<Nonces.limit { _ = nonces.make() }
        #expect(nonces.make() == nil, "bounded")
    }

    @Test("leads to a whole tree only where that was asked for, and to exact paths before it")
    func trees() {
        let table = RouteTable(routes: [
            TunnelRoute(path: "/", port: 18789, isTree: true), TunnelRoute(path: "/voice/webhook", port: 3334),
        ])
        #expect(decide(table, "/voice/webhook") == .forward(1))
        #expect(decide(table, "/anything/else", .GET) == .forward(0) && decide(table, "/", .GET) == .forward(0))
    }

    @Test("lets a connection become a WebSocket on a tree alone, and hands its head on whole")
    func upgrades() {
        let table = RouteTable(routes: [
            TunnelRoute(path: "/", port: 18789, isTree: true), TunnelRoute(path: "/voice/webhook", port: 3334),
        ])
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: "/?x=1",
            headers: HTTPHeaders([("Host", "a"), ("Connection", "Upgrade"), ("Upgrade", "WebSocket")])
        )
        #expect(table.isUpgrade(head, 0) && !table.isUpgrade(head, 1))
        #expect(
            String(buffer: RouteTable.head(of: head))
                == "GET /?x=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nx-forwarded-for: unknown\r\n\r\n"
        )
    }

    @Test("hands on what belongs to the request and says that it comes from elsewhere")
    func headers() {
        let headers = HTTPHeaders([
            ("Host", "a.ngrok.app"), ("Connection", "keep-alive, X-Secret"), ("X-Secret", "1"),
            ("Upgrade", "websocket"),
            ("X-Twilio-Signature", "s="), ("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("X-A", "1"),
            ("X-A", "2"),
        ])
        let forwarded = RouteTable.forwarded(headers)
        #expect(forwarded.map { $0.name } == ["Host", "X-Twilio-Signature", "X-A", "X-A", "x-forwarded-for"])
        #expect(RouteTable.forwarded(HTTPHeaders([("x-forwarded-for", "1.2.3.4")]))["x-forwarded-for"] == ["1.2.3.4"])
    }
}
