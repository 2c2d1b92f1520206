internal import Config
internal import Testing

@testable internal import Gateway

@Suite("Who is at the other end")
struct ClientPeerTests {
    @Test(
        "addresses are read, mapped ones as IPv4",
        arguments: [
            ("127.0.0.1", 4, true, true), ("::1", 16, true, true), ("::ffff:127.0.0.1", 4, true, true),
            ("10.1.2.3", 4, false, true),
            ("172.31.0.1", 4, false, true), ("172.32.0.1", 4, false, false), ("8.8.8.8", 4, false, false),
            ("fdaa:0:1::3", 16, false, true), ("fe80::1%eth0", 16, false, true), ("2a09:8280:1::5", 16, false, false),
            ("100.64.0.9", 4, false, true), ("1::", 16, false, false), ("1:2:3:4:5:6:7:8", 16, false, false),
        ]
    )
    func addresses(text: String, length: Int, isLoopback: Bool, isPrivate: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(address.bytes.count == length)
        #expect(address.isLoopback == isLoopback)
        #expect(address.isPrivate == isPrivate)
    }

    @Test(
        "what is no address is none",
        arguments: [
            "", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", ":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7",
            "12345::", "::g",
            "1:2:3:4:5:6:7:8:9", "+1.2.3.4", "localhost", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8::",
        ]
    )
    func noAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("blocks of addresses")
    func blocks() throws {
        let address = try #require(IPAddress("172.16.5.4"))
        for block in ["172.16.0.0/12", "172.16.5.4", "172.16.5.4/32", "0.0.0.0/0"] { #expect(address.isIn(block)) }
        for block in ["172.16.5.5", "172.32.0.0/12", "::/0", "172.16.0.0/33", "172.16.0.0/-1", "172.16.0.0/x", ""] {
            #expect(!address.isIn(block), "\(block)")
        }
        #expect(try #require(IPAddress("fdaa::1")).isIn("fd00::/8"))
    }

    @Test("local is loopback by socket and by Host, and nothing forwarded by a stranger")
    func local() {
        func isLocal(_ peer: ClientPeer) -> Bool { peer.isLocal(trustedProxies: []) }
        #expect(isLocal(ClientPeer(socket: .address("127.0.0.1"), host: "localhost:18789")))
        #expect(isLocal(ClientPeer(socket: .address("::1"), host: "[::1]:18789")))
        #expect(isLocal(ClientPeer(socket: .user(uid: 5))))
        #expect(!isLocal(ClientPeer(socket: .address("127.0.0.1"), host: "evil.example")))
        #expect(!isLocal(ClientPeer(socket: .address("127.0.0.1"), host: "localhost", forwardedFor: ["8.8.8.8"])))
        #expect(!isLocal(ClientPeer(socket: .address("127.0.0.1"), host: "localhost", hasForwardingHeaders: true)))
        #expect(!isLocal(ClientPeer(socket: .address("10.0.0.1"), host: "localhost")))
        let proxied = ClientPeer(socket: .address("10.0.0.1"), host: "localhost", forwardedFor: ["127.0.0.1"])
        #expect(proxied.isLocal(trustedProxies: ["10.0.0.0/8"]))
        #expect(proxied.clientAddress(trustedProxies: ["10.0.0.0/8"]) == "127.0.0.1")
        #expect(proxied.clientAddress(trustedProxies: []) == "10.0.0.1")
    }

    @Test("behind a proxy nobody configured strangers are counted apart, on the open internet headers do not count")
    func limiterKey() {
        let first = ClientPeer(socket: .address("172.16.0.1"), forwardedFor: ["spoofed", "1.1.1.1"])
        let second = ClientPeer(socket: .address("172.16.0.1"), forwardedFor: ["spoofed", "2.2.2.2"])
        #expect(first.limiterKey(trustedProxies: []) != second.limiterKey(trustedProxies: []))
        let other = ClientPeer(socket: .address("172.16.0.1"), forwardedFor: ["another", "1.1.1.1"])
        #expect(first.limiterKey(trustedProxies: []) == other.limiterKey(trustedProxies: []))
        #expect(
            ClientPeer(socket: .address("8.8.8.8"), forwardedFor: ["x"]).limiterKey(trustedProxies: []) == "8.8.8.8"
        )
    }

    @Test(
        "pages of the same host, loopback pages of local clients and listed ones may connect, others not",
        arguments: [
            (nil, "app.fly.dev", "172.16.0.1", [], true),
            ("https://app.fly.dev", "app.fly.dev", "172.16.0.1", [], true),
            ("https://app.fly.dev:443", "app.fly.dev", "172.16.0.1", [], true),
            ("http://localhost:3000", "localhost:3000", "fdaa::1", [], true),
            ("http://localhost:5173", "localhost:18789", "127.0.0.1", [], true),
            ("http://localhost:5173", "app.fly.dev", "172.16.0.1", [], false),
            ("https://evil.example", "app.fly.dev", "172.16.0.1", [], false),
            ("null", "localhost", "127.0.0.1", [], false),
            ("https://ui.example", "app.fly.dev", "172.16.0.1", ["https://ui.example"], true),
            ("https://UI.example", "app.fly.dev", "172.16.0.1", ["https://ui.example"], true),
            ("chrome-extension://x", "localhost", "127.0.0.1", ["*"], true),
            ("http://app.fly.dev:8080", "app.fly.dev", "172.16.0.1", [], false),
        ] as [(String?, String, String, [String], Bool)]
    )
    func origin(origin: String?, host: String, address: String, allowed: [String], isAllowed: Bool) {
        let peer = ClientPeer(socket: .address(address), host: host, origin: origin)
        #expect(OriginPolicy.allows(peer, allowed: allowed, trustedProxies: []) == isAllowed)
    }
}

@Suite("The limiter of failed attempts")
struct AuthLimiterTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test("ten failures within a minute lock a client out for five minutes, and only that client")
    func lockout() {
        var limiter = AuthLimiter()
        for second in 0..<9 { limiter.failed("a", now: at(second)) }
        #expect(limiter.wait("a", now: at(9)) == nil)
        limiter.failed("a", now: at(9))
        #expect(limiter.wait("a", now: at(10)) == .seconds(299))
        #expect(limiter.wait("b", now: at(10)) == nil)
        #expect(limiter.wait("a", now: at(309)) == nil)
    }

    @Test("failures older than a minute are forgotten, and success forgets all")
    func forgetting() {
        var limiter = AuthLimiter()
        for second in stride(from: 0, to: 200, by: 7) { limiter.failed("slow", now: at(second)) }
        #expect(limiter.wait("slow", now: at(200)) == nil)
        for _ in 0..<9 { limiter.failed("b", now: at(200)) }
        limiter.succeeded("b")
        limiter.failed("b", now: at(201))
        #expect(limiter.wait("b", now: at(201)) == nil)
    }

    @Test("a thousand clients are remembered, the oldest goes first")
    func bound() {
        var limiter = AuthLimiter()
        for client in 0...AuthLimiter.mostClients {
            limiter.failed("c\(client)", now: start.advanced(by: .milliseconds(client)))
        }
        #expect(limiter.count == AuthLimiter.mostClients)
        for _ in 0..<9 { limiter.failed("c0", now: at(2)) }
        #expect(limiter.wait("c0", now: at(2)) == nil)
        for _ in 0..<9 { limiter.failed("c500", now: at(2)) }
        #expect(limiter.wait("c500", now: at(2)) != nil)
    }
}

@Suite("Secrets")
struct SharedSecretTests {
    @Test("only the very secret is equal", arguments: ["", "secre", "secret ", "secrets", "sEcret", "secretsecret"])
    func comparison(given: String) {
        let secret = SharedSecret(mode: .token, secret: "secret")
        #expect(secret.accepts(bearer: "secret"))
        #expect(!secret.accepts(bearer: given))
        #expect(!secret.accepts(bearer: nil))
        #expect(!SharedSecret(mode: .token, secret: "").accepts(bearer: given))
    }
}
