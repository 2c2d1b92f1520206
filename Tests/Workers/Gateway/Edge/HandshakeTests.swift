internal import Config
internal import Glibc
internal import NIOCore
internal import NIOWebSocket
internal import Testing

@testable internal import Gateway

@Suite("Handshake over real sockets")
struct HandshakeTests {
    @Test(
        "a client with the token gets hello-ok with what exists, and then a health event with the first sequence number"
    )
    func happyPath() async throws {
        try await EdgeBench.run { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let challenge = try await client.event("connect.challenge")
            #expect(challenge["payload"]?["nonce"]?.text?.isEmpty == false)
            #expect(challenge["seq"] == nil)
            let answer = try await client.ask("connect", TestClient.connectParams())
            let hello = try #require(answer["payload"])
            #expect(answer["ok"] == true)
            #expect(answer["error"] == nil)
            #expect(hello["type"] == "hello-ok")
            #expect(hello["protocol"] == 3)
            #expect(hello["auth"] == nil)
            #expect(hello["server"]?["version"] == "2026.1.2")
            #expect(hello["snapshot"]?["sessionDefaults"]?["mainSessionKey"] == "agent:main:main")
            #expect(hello["snapshot"]?["presence"]?.items?.first?["mode"] == "gateway")
            #expect(hello["features"]?["methods"]?.items?.contains("chat.send") == true)
            #expect(hello["policy"]?["tickIntervalMs"] == 30_000)
            let health = try await client.event("health")
            #expect(health["seq"] == 1)
            #expect(health["stateVersion"]?["health"]?.whole ?? 0 > 1)
            #expect(health["payload"]?["ok"] == true)
        }
    }

    @Test("protocol 4 is spoken with those who know it, and hello then always has auth", arguments: [(4, 4), (3, 9)])
    func protocolFour(range: (Int64, Int64)) async throws {
        try await EdgeBench.run { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let answer = try await client.ask("connect", TestClient.connectParams(protocols: range))
            #expect(answer["payload"]?["protocol"] == 4)
            #expect(answer["payload"]?["auth"]?["scopes"]?.items == ["operator.admin"])
        }
    }

    @Test("a protocol that we do not speak is refused and closed with 1002", arguments: [(1, 2), (5, 9)])
    func protocolMismatch(range: (Int64, Int64)) async throws {
        try await EdgeBench.run { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let answer = try await client.ask("connect", TestClient.connectParams(protocols: range))
            #expect(answer["ok"] == false)
            #expect(answer["error"]?["message"] == "protocol mismatch")
            #expect(answer["error"]?["details"]?["expectedProtocol"] == 3)
            #expect(try await client.closed() == (1002, "protocol mismatch"))
        }
    }

    @Test("a missing or wrong token is refused in the words that clients know")
    func wrongToken() async throws {
        try await EdgeBench.run { bench in
            for (auth, word, code) in [
                (["token": "wrong"] as WireValue?, "mismatch", "AUTH_TOKEN_MISMATCH"),
                (nil, "missing", "AUTH_TOKEN_MISSING"),
                (["password": .string(EdgeBench.token)], "missing", "AUTH_TOKEN_MISSING"),
            ] {
                let client = try await TestClient.connect(port: bench.port, group: bench.group)
                let answer = try await client.ask(
                    "connect",
                    TestClient.connectParams(id: "openclaw-control-ui", mode: "webchat", auth: auth)
                )
                let message =
                    "unauthorized: gateway token \(word) (open a tokenized dashboard URL or paste token in Control UI settings)"
                #expect(answer["error"]?["code"] == "INVALID_REQUEST")
                #expect(answer["error"]?["message"]?.text == message)
                #expect(answer["error"]?["details"]?["code"]?.text == code)
                #expect(try await client.closed() == (1008, message))
            }
        }
    }

    @Test("without a configured secret nobody gets in, and the page still answers")
    func notConfigured() async throws {
        try await EdgeBench.run {
            $0.secret = nil
        } _: { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let answer = try await client.ask("connect", TestClient.connectParams())
            #expect(
                answer["error"]?["message"]
                    == "unauthorized: gateway token not configured on gateway (set gateway.auth.token)"
            )
            #expect(try await HTTPProbe.get(bench, "/healthz").status == 200)
        }
    }

    @Test("the password counts in password mode, the token does not")
    func password() async throws {
        try await EdgeBench.run {
            $0.config.auth.mode = .password
        } _: { bench in
            let good = try await TestClient.connect(port: bench.port, group: bench.group)
            let auth: WireValue = ["password": .string(EdgeBench.token)]
            #expect(try await good.ask("connect", TestClient.connectParams(auth: auth))["ok"] == true)
            let bad = try await TestClient.connect(port: bench.port, group: bench.group)
            let answer = try await bad.ask("connect", TestClient.connectParams(id: "cli", mode: "cli"))
            #expect(
                answer["error"]?["message"]
                    == "unauthorized: gateway password missing (set gateway.remote.password to match gateway.auth.password)"
            )
        }
    }

    @Test("the first request must be connect")
    func firstRequest() async throws {
        try await EdgeBench.run { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let answer = try await client.ask("health")
            let words = "invalid handshake: first request must be connect"
            #expect(answer["error"]?["message"]?.text == words)
            #expect(try await client.closed() == (1008, words))
        }
    }

    @Test("bad connect params are named, and the close reason says the same within 120 bytes")
    func badParams() async throws {
        try await EdgeBench.run { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            let answer = try await client.ask(
                "connect",
                [
                    "minProtocol": 3, "client": ["id": "cli", "mode": "operator", "version": "", "platform": "x"],
                    "extra": 1,
                ]
            )
            let message = try #require(answer["error"]?["message"]?.text)
            #expect(message.hasPrefix("invalid connect params: at root: unexpected property 'extra'"))
            #expect(message.contains("must have required property 'maxProtocol'"))
            #expect(message.contains("at /client/mode: must be equal to one of the allowed values"))
            #expect(message.contains("at /client/version: must NOT have fewer than 1 characters"))
            let close = try await client.closed()
            #expect(close.code == 1008)
            #expect(message.hasPrefix(close.reason))
            #expect(close.reason.utf8.count == 120)
        }
    }

    @Test("what is no JSON closes 1000, what is no request closes 1008, both without an answer")
    func garbage() async throws {
        try await EdgeBench.run { bench in
            let first = try await TestClient.connect(port: bench.port, group: bench.group)
            try await first.send("{nonsense")
            #expect(try await first.closed() == (1000, ""))
            let second = try await TestClient.connect(port: bench.port, group: bench.group)
            try await second.send(#"{"type":"event","event":"x"}"#)
            #expect(try await second.closed() == (1008, "invalid request frame"))
        }
    }

    @Test("after hello garbage is ignored, a bad frame is answered, and the connection lives on")
    func garbageLater() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            try await client.send("{nonsense")
            try await client.send(#"{"type":"req","id":"q","method":"health","more":1}"#)
            let answer = try await client.answer("q")
            #expect(answer["error"]?["message"] == "invalid request frame: at root: unexpected property 'more'")
            try await client.send(#"[1]"#)
            #expect(try await client.answer("invalid")["error"]?["code"] == "INVALID_REQUEST")
            #expect(
                try await client.ask("connect", .object([]))["error"]?["message"]
                    == "connect is only valid as the first request"
            )
            #expect(try await client.ask("health")["ok"] == true)
        }
    }

    @Test("who never says connect is closed when the handshake time is over")
    func silent() async throws {
        try await EdgeBench.run {
            $0.limits.handshake = .milliseconds(50)
        } _: { bench in
            let client = try await TestClient.connect(port: bench.port, group: bench.group)
            #expect(try await client.closed() == (1000, ""))
        }
    }

    @Test("a stranger may send 64 KiB and not a byte more, in one frame or in many")
    func strangersBytes() async throws {
        try await EdgeBench.run { bench in
            let one = try await TestClient.connect(port: bench.port, group: bench.group)
            try await one.send(.text, [UInt8](repeating: 0x20, count: 65_536))
            #expect(try await one.closed().code == 1009)
            let many = try await TestClient.connect(port: bench.port, group: bench.group)
            for _ in 0..<70 { try? await many.send(.text, [UInt8](repeating: 0x20, count: 1000), fin: false) }
            #expect(try await many.closed().code.map { [1009, 1002].contains($0) } == true)
            let large = try await TestClient.connect(port: bench.port, group: bench.group)
            var params = TestClient.connectParams().members ?? []
            params.append(.init(name: "pathEnv", value: .string(String(repeating: "p", count: 4000))))
            #expect(try await large.ask("connect", .object(params))["ok"] == true)
        }
    }

    @Test("on the Unix socket root and the state's owner are admin without a token, nobody else gets in with one")
    func unixSocket() async throws {
        let path = "/tmp/clawhold-edge-\(EdgeID.make().prefix(8)).sock"
        defer { unlink(path) }
        for (owner, admitted) in [(UInt32(getuid()), true), (4_000_000_000, getuid() == 0)] {
            try await EdgeBench.run {
                $0.unixPath = path
                $0.owner = owner
            } _: { bench in
                let client = try await TestClient.connect(unixPath: path, group: bench.group)
                let auth: WireValue? = admitted ? nil : ["token": .string(EdgeBench.token)]
                let answer = try await client.ask(
                    "connect",
                    TestClient.connectParams(id: "cli", mode: "cli", auth: auth)
                )
                #expect((answer["ok"] == true) == admitted)
                guard admitted else {
                    return #expect(answer["error"]?["details"]?["code"]?.text == "PEER_NOT_OWNER")
                }
                let refused = try await client.ask("workers.restart", ["id": "x"])
                #expect(refused["error"]?["message"]?.text?.contains("no worker") == true)
            }
            unlink(path)
        }
    }

    @Test("on the Unix socket a process of the gateway's own tree is refused whoever it runs as, token or not")
    func ownTree() async throws {
        let path = "/tmp/clawhold-edge-\(EdgeID.make().prefix(8)).sock"
        defer { unlink(path) }
        try await EdgeBench.run {
            $0.unixPath = path
            $0.owner = getuid()
            $0.isOwnTree = { PeerDescent.isOwn($0, tree: [getpid()]) }
        } _: { bench in
            for auth in [nil, ["token": .string(EdgeBench.token)]] as [WireValue?] {
                let client = try await TestClient.connect(unixPath: path, group: bench.group)
                let answer = try await client.ask(
                    "connect",
                    TestClient.connectParams(id: "cli", mode: "cli", auth: auth)
                )
                #expect(answer["error"]?["details"]?["code"]?.text == "PEER_IS_WORKER")
                #expect(try await client.closed().code == 1008)
            }
        }
    }
}
