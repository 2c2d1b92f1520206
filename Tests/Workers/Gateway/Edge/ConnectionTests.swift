internal import Glibc
internal import NIOCore
internal import NIOWebSocket
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("WebSocket connections over real sockets")
struct ConnectionTests {
    @Test("binary frames and fragments are taken like text, control frames between fragments too")
    func frames() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            let request = Array(#"{"type":"req","id":"b","method":"health"}"#.utf8)
            try await client.send(.binary, request)
            #expect(try await client.answer("b")["ok"] == true)
            try await client.send(.text, Array(request.prefix(9)), fin: false)
            try await client.send(.ping, [1, 2])
            try await client.send(.continuation, Array(request.dropFirst(9).prefix(4)), fin: false)
            try await client.send(.continuation, Array(request.dropFirst(13)))
            #expect(try await client.answer("b")["ok"] == true)
            _ = try await client.next { $0 == .pong([1, 2]) }
        }
    }

    @Test("an unmasked frame, a lone continuation and a text inside a text close 1002")
    func violations() async throws {
        try await EdgeBench.run { bench in
            let unmasked = try await bench.client()
            try await unmasked.send(.text, [0x7B], masked: false)
            #expect(try await unmasked.closed().code == 1002)
            let lone = try await bench.client()
            try await lone.send(.continuation, [0x7B])
            #expect(try await lone.closed().code == 1002)
            let nested = try await bench.client()
            try await nested.send(.text, [0x7B], fin: false)
            try await nested.send(.text, [0x7B])
            #expect(try await nested.closed().code == 1002)
        }
    }

    @Test("a message beyond the bound closes 1009, as one frame and as fragments; one of exactly the bound is read")
    func messageBound() async throws {
        try await EdgeBench.run {
            $0.limits.messageBytes = 200_000
        } _: { bench in
            func request(_ size: Int) -> [UInt8] {
                let head = #"{"type":"req","id":"x","method":"health","params":{"a":""#
                return Array((head + String(repeating: "a", count: size - head.utf8.count - 3) + "\"}}").utf8)
            }
            let fits = try await bench.client()
            try await fits.send(.text, request(200_000))
            #expect(try await fits.answer("x")["ok"] == true)
            try await fits.send(.text, request(200_001))
            #expect(try await fits.closed().code == 1009)
            let parts = try await bench.client()
            try await parts.send(.text, [UInt8](repeating: 0x20, count: 150_000), fin: false)
            try await parts.send(.continuation, [UInt8](repeating: 0x20, count: 50_001))
            #expect(try await parts.closed().code == 1009)
        }
    }

    @Test("sequence numbers of a connection have no gap, whatever others are sent")
    func sequence() async throws {
        try await EdgeBench.run {
            $0.limits.tick = .milliseconds(20)
        } _: { bench in
            let plain = try await bench.client()
            let curious = try await bench.client(caps: ["tool-events"])
            let run = Run(id: "R", sessionKey: "main")
            bench.engine.emit(.started(run))
            bench.engine.emit(.toolStarted(run, name: "t", callID: "c", arguments: []))
            bench.engine.emit(.finished(run, text: "x", usage: RunUsage(), stopReason: ""))
            _ = try await curious.event("agent") { $0["payload"]?["stream"] == "tool" }
            for client in [plain, curious] {
                let last = try await client.event("chat")
                _ = try await client.event("tick") { ($0["seq"]?.whole ?? 0) > (last["seq"]?.whole ?? 0) }
            }
            // What was taken out above is put back by arithmetic: nothing else came between.
            let plainSequence = plain.arrivals.compactMap(Self.sequence)
            #expect(!plain.arrivals.contains { Self.stream($0) == "tool" })
            #expect(plainSequence == plainSequence.sorted())
            #expect(Set(plainSequence).count == plainSequence.count)
        }
    }

    private static func sequence(_ arrival: TestClient.Arrival) -> Int64? {
        guard case .frame(let frame) = arrival else { return nil }
        return frame["seq"]?.whole
    }

    private static func stream(_ arrival: TestClient.Arrival) -> String? {
        guard case .frame(let frame) = arrival else { return nil }
        return frame["payload"]?["stream"]?.text
    }

    @Test("a client that stops reading misses deltas, and is closed 1008 for a final that it cannot be sent")
    func slowConsumer() async throws {
        try await EdgeBench.run {
            $0.limits.unsentBytes = 300_000
        } _: { bench in
            let client = try await bench.client()
            _ = try await client.event("health")
            try await client.pauseReading(true)
            // Far more than the kernel buffers for a loopback socket (6 MB at most).
            for number in 0..<40 {
                let run = Run(id: "r\(number)", sessionKey: "main")
                bench.engine.emit(
                    .finished(run, text: String(repeating: "x", count: 500_000), usage: RunUsage(), stopReason: "")
                )
            }
            // Open connections are counted: the slow one goes.
            try await waitUntil {
                try await HTTPProbe.get(bench, "/metrics").body.contains("clawhold_connections_admitted 0\n")
            }
            try await client.pauseReading(false)
            #expect(try await client.closed() == (1008, "slow consumer"))
        }
    }

    @Test("a client that asks and does not read is not read either, and in the end gets every answer")
    func unreadAnswers() async throws {
        try await EdgeBench.run {
            $0.limits.unsentBytes = 200_000
        } _: { bench in
            let client = try await bench.client(id: "cli", mode: "cli")
            try await client.pauseReading(true)
            let requests = 400
            // Each is answered with its own id, so that answers are as large as requests: 24 MB, far beyond what the
            // kernel holds between two sockets.
            let id = String(repeating: "i", count: 60_000)
            let sending = Task {
                for number in 0..<requests {
                    try await client.send(["type": "req", "id": .string("\(number)\(id)"), "method": "none"])
                }
            }
            try await waitUntil { try await unsent(bench) > 200_000 }
            // One read of a paused connection may still be under way, no more.
            for _ in 0..<20 {
                let waiting = try await unsent(bench)
                #expect(waiting < 1_000_000)
            }
            try await client.pauseReading(false)
            for number in 0..<requests { _ = try await client.answer("\(number)\(id)") }
            try await sending.value
        }
    }

    private func unsent(_ bench: EdgeBench) async throws -> Int {
        let metrics = try await HTTPProbe.get(bench, "/metrics").body
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("clawhold_unsent_bytes ") }
        return line.flatMap { Int($0.dropFirst("clawhold_unsent_bytes ".count)) } ?? 0
    }

    @Test("more requests at once than the bound are refused with a retry, and the others are answered")
    func requestsInFlight() async throws {
        try await EdgeBench.run {
            $0.limits.requestsInFlight = 2
        } _: { bench in
            let client = try await bench.client()
            let (stream, gate) = AsyncStream<Void>.makeStream()
            bench.engine.state.withLock { $0.gates = [stream] }
            for number in 1...3 { try await client.send(chatSend("k\(number)", id: "s\(number)")) }
            let refused = try await client.answer("s3")
            #expect(refused["error"]?["code"] == "UNAVAILABLE")
            #expect(refused["error"]?["retryable"] == true)
            gate.finish()
            #expect(try await client.answer("s1")["ok"] == true)
            #expect(try await client.answer("s2")["ok"] == true)
        }
    }

    @Test("more connections than the bound wait in the kernel's queue and are served when one ends")
    func connectionBound() async throws {
        try await EdgeBench.run {
            $0.limits.connections = 2
        } _: { bench in
            let first = try await bench.client()
            let second = try await bench.client()
            async let third = bench.client()
            #expect(try await first.ask("health")["ok"] == true)
            try await second.close()
            let late = try await third
            #expect(try await late.ask("health")["ok"] == true)
            #expect(try await first.ask("health")["ok"] == true)
        }
    }

    @Test("strangers that only sit there make room for others, clients that got in do not")
    func strangers() async throws {
        try await EdgeBench.run {
            $0.limits.strangers = 2
            $0.limits.strangerPatience = .milliseconds(50)
        } _: { bench in
            let inside = try await bench.client()
            let idle = try await TestClient.connect(port: bench.port, group: bench.group)
            let idler = try await TestClient.connect(port: bench.port, group: bench.group)
            let next = try await bench.client()
            #expect(try await next.ask("health")["ok"] == true)
            #expect(try await inside.ask("health")["ok"] == true)
            _ = try await idle.closed()
            _ = idler
        }
    }

    @Test("two hundred clients at once are all served, although strangers are bounded to 64")
    func burst() async throws {
        try await EdgeBench.run { bench in
            let served = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await bench.client(id: "cli", mode: "cli").ask("health")["ok"] == true }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(served == 200)
        }
    }

    @Test("the listener's queue is 4096 long after it was adopted")
    func backlog() async throws {
        try await EdgeBench.run { bench in
            // `ss -ltn` reads the same numbers; field tcpi_sacked of a listener is the length of its queue.
            var found: UInt32?
            for descriptor in Int32(3)..<4096 {
                var address = sockaddr_in()
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                let named = withUnsafeMutablePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
                }
                guard named == 0, Int(UInt16(bigEndian: address.sin_port)) == bench.port else { continue }
                var info = [UInt32](repeating: 0, count: 64)
                var size = socklen_t(info.count * 4)
                guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { continue }
                // State LISTEN is 10, the first byte.
                if info[0] & 0xFF == 10 { found = info[7] }
            }
            let text = try String(decoding: HTTPProbe.file("/proc/sys/net/core/somaxconn"), as: UTF8.self)
            let limit = UInt32(text.trimmingSpace)
            let queue = try #require(limit)
            #expect(found == min(4096, queue), "\(String(describing: found)), \(queue)")
        }
    }

    @Test("at the end every client hears shutdown and is closed with 1012")
    func shutdown() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client()
            await bench.server.stopAccepting()
            await bench.server.shutdown(reason: "restart", restartExpectedMilliseconds: 1500, patience: .seconds(5))
            let event = try await client.event("shutdown")
            #expect(event["payload"] == ["reason": "restart", "restartExpectedMs": 1500])
            #expect(try await client.closed() == (1012, "service restart"))
        }
    }

    @Test("ten wrong tokens from afar lock that client out, with the time to wait")
    func lockout() async throws {
        try await EdgeBench.run { bench in
            func attempt(from address: String, token: String) async throws -> WireValue {
                let client = try await TestClient.connect(
                    port: bench.port,
                    group: bench.group,
                    headers: [("X-Forwarded-For", address)]
                )
                defer { Task { try? await client.close() } }
                return try await client.ask("connect", TestClient.connectParams(auth: ["token": .string(token)]))
            }
            for _ in 0..<10 { _ = try await attempt(from: "9.9.9.9", token: "wrong") }
            let locked = try await attempt(from: "9.9.9.9", token: EdgeBench.token)
            #expect(
                locked["error"]?["message"] == "unauthorized: too many failed authentication attempts (retry later)"
            )
            #expect(locked["error"]?["details"]?["code"] == "AUTH_RATE_LIMITED")
            #expect((locked["error"]?["retryAfterMs"]?.whole ?? 0) > 290_000)
            #expect(try await attempt(from: "7.7.7.7", token: EdgeBench.token)["ok"] == true)
        }
    }
}

/// A `chat.send` frame.
func chatSend(_ key: String, id: String, session: String = "main", text: String = "hi") -> WireValue {
    [
        "type": "req", "id": .string(id), "method": "chat.send",
        "params": [
            "sessionKey": .string(session), "message": .string(text), "idempotencyKey": .string(key), "deliver": false,
        ],
    ]
}

/// Asks again until it is true, ten seconds at most; each question is a round trip, so nothing spins.
func waitUntil(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
    }
    Issue.record("did not become true within ten seconds")
}
