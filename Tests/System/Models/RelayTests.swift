import TestSupport
import Testing

extension SystemTests {
    /// Other programs on the machine ask models through the gateway's port.
    @Suite("The pass-through endpoint", .serialized)
    struct RelayTests {
        private static let providers = [TestProvider.Dialect.anthropic, .chat, .responses].map { dialect in
            TestProvider("p-\(dialect)", dialect)
        }

        private static func start(_ providers: [TestProvider] = providers) async throws -> World {
            try await World.start(models: providers) { setup in
                setup.ownConfig = setup.ownConfig?.with("models", "endpoint", "enabled", value: true)
                setup.config = setup.config?.with("agents", "defaults", "model", "fallbacks", value: [])
            }
        }

        private static func peer(_ words: String...) async throws -> ChildProcess {
            try ChildProcess(
                [try await Peers.shared.interpreter(), Place.root + "/Tests/peers/" + words[0]] + words.dropFirst(),
                environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
            )
        }

        @Test("direct and through us the vendors' own clients read the same")
        func judges() async throws {
            var providers = Self.providers
            for index in providers.indices { providers[index].keys = providers[0].keys }
            let world = try await Self.start(providers)
            let judge = try await Self.peer(
                "relay_judge.py",
                world.model.root,
                providers[0].keys[0],
                "http://127.0.0.1:\(world.gateway.port)",
                Gateway.token
            )
            let end = try await judge.ended(within: 120)
            #expect(end == 0, "\(judge.tail())\n\(world.gateway.process.tail())")
            #expect(judge.lines.items.filter { $0.hasPrefix("same: ") }.count == 3, "\(judge.tail())")
            #expect(try await world.gateway.stop() == 0)
            try KeySearch(providers).nowhere(in: world, frames: [])
        }

        @Test("three clients in ten go away in the middle: the ledger is the providers' own count")
        func load() async throws {
            let world = try await Self.start()
            try await world.model.control("pace", ["seconds": 0.003])
            let count = Extent.of(150, full: 1000)
            let load = try await Self.peer("relay_load.py", "\(world.gateway.port)", Gateway.token, "\(count)", "30")
            #expect(try await load.ended(within: 300) == 0, "\(load.tail())\n\(world.gateway.process.tail())")
            let found = try JSONValue((load.lines.items.last ?? "").utf8)
            let abandoned = Int(found["abandoned"]?.integer ?? 0)
            #expect(found["cut"] == 0 && found["refused"] == 0, "\(found.text)\n\(world.gateway.process.tail())")
            #expect(abandoned > count / 10 && (found["finished"]?.integer ?? 0) > Int64(count / 2), "\(found.text)")
            let calls = try await world.model.settled()
            #expect(try await world.gateway.stop() == 0)
            try await LedgerCheck(world.ledger(), calls).equal(unreached: 0...abandoned, abandoned: abandoned)
            try KeySearch(Self.providers).nowhere(in: world, frames: [])
        }

        @Test("the worker is killed in the middle of a stream: the client reads an error, and never a whole answer")
        func killed() async throws {
            let world = try await Self.start([Self.providers[1]])
            try await world.model.control("pace", ["seconds": 0.05])
            let question: JSONValue = [
                "model": "p-chat/test-1", "stream": true,
                "messages": [["role": "user", "content": .string(MidStreamTests.question)]],
            ]
            let port = world.gateway.port
            let (socket, begun) = try await blocking {
                let socket = try Socket.tcp(port)
                let head = """
                    POST /v1/chat/completions HTTP/1.1\r
                    Host: localhost\r
                    Authorization: Bearer \(Gateway.token)\r
                    Content-Length: \(question.bytes.count)\r
                    \r

                    """
                try socket.write(Array(head.utf8) + question.bytes)
                var text = ""
                while !text.contains("word3") {
                    let more = try socket.read(within: 20)
                    guard !more.isEmpty else { throw TestFailure("it ended: \(text)") }
                    text += String(decoding: more, as: UTF8.self)
                }
                return (socket, text)
            }
            try await world.gateway.kill(Self.providers[1].worker)
            let rest = try await blocking {
                var text = ""
                while true {
                    let more = try socket.read(within: 20)
                    if more.isEmpty { return text }
                    text += String(decoding: more, as: UTF8.self)
                }
            }
            #expect(begun.contains("200 OK") && !rest.contains("[DONE]") && !rest.contains("word60"), "\(rest)")
            #expect(rest.contains(#"data: {"error":"#) && rest.contains("broke off"), "\(rest)")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("bodies of any size arrive whole, one after another", arguments: [100, 70_000, 1_000_000])
        func sizes(_ count: Int) async throws {
            let world = try await Self.start([Self.providers[1]])
            let question: JSONValue = [
                "model": "p-chat/test-1",
                "messages": [["role": "user", "content": .string(String(repeating: "x", count: count))]],
            ]
            let port = world.gateway.port
            for _ in 0..<2 {
                let answer = try await blocking {
                    let socket = try Socket.tcp(port)
                    let head = """
                        POST /v1/chat/completions HTTP/1.1\r
                        Host: localhost\r
                        Authorization: Bearer \(Gateway.token)\r
                        Connection: close\r
                        Content-Length: \(question.bytes.count)\r
                        \r

                        """
                    try socket.write(Array(head.utf8) + question.bytes)
                    var text = ""
                    while true {
                        let more = try socket.read(within: 20)
                        if more.isEmpty { return text }
                        text += String(decoding: more, as: UTF8.self)
                    }
                }
                #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer.prefix(400))")
            }
            #expect(try await world.model.calls().count == 2)
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("switched off, as it is by default, there is nothing at its paths")
        func off() async throws {
            let world = try await World.start(models: [Self.providers[1]])
            let answer = try await HTTP.post(world.gateway.port, "/v1/chat/completions", ["model": "p-chat/test-1"])
            #expect(answer.status != 200, "\(answer.text)")
            #expect(try await world.model.calls().isEmpty)
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
