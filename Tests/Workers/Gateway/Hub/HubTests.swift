import FoundationEssentials
import IPCControl
import IPCHub
import NIOCore
import SwiftProtobuf
import TestSupport
import Testing

@testable import Gateway

@Suite("hub")
struct HubTests {
    @Test("a worker with the token of its incarnation gets a link, and its frames reach the engine")
    func link() async throws {
        let bench = try await HubBench.start()
        let peer = try await bench.hello("agent:main")
        #expect(try await peer.frame()?.type == 2)
        try await peer.send(.done(HubTurnDone()))
        try await eventually { try await bench.read { $0.received } == ["agent:main|38"] }
        try await peer.close()
        try await eventually { try await bench.read { $0.unlinked } == [1] }
        try await bench.stop()
    }

    @Test(
        "a token of another incarnation, key or worker, the gateway's own name and no name at all are refused",
        arguments: [
            HubBench.greeting("agent:main") { $0.incarnation = 2 },
            HubBench.greeting("agent:main") { $0.worker = "agent:other" },
            HubBench.greeting("agent:main") { $0.token = Data(repeating: 0, count: 32) },
            HubBench.greeting("gateway"), HubBench.greeting("AGENT"), HubHello(),
        ]
    )
    func badToken(hello: HubHello) async throws {
        let bench = try await HubBench.start()
        let peer = try await bench.dial()
        try await peer.send(.hello(hello))
        guard case .goodbye(let goodbye)? = try await peer.frame() else { return #expect(Bool(false)) }
        #expect(goodbye.reason == .refused)
        #expect(try await peer.frame() == nil)
        #expect(try await bench.read { $0.linked }.isEmpty)
        try await bench.stop()
    }

    @Test("a worker of another build is told to come back new")
    func build() async throws {
        let bench = try await HubBench.start()
        let peer = try await bench.hello("agent:main") { $0.build = "b0" }
        guard case .goodbye(let goodbye)? = try await peer.frame() else { return #expect(Bool(false)) }
        #expect(goodbye.reason == .build)
        try await bench.stop()
    }

    @Test("the highest incarnation wins: a higher one takes the link, a lower one is refused even when nobody is there")
    func incarnations() async throws {
        let bench = try await HubBench.start()
        let first = try await bench.hello("agent:main", incarnation: 2)
        _ = try await first.frame()
        let second = try await bench.hello("agent:main", incarnation: 3)
        _ = try await second.frame()
        guard case .goodbye(let goodbye)? = try await first.frame() else { return #expect(Bool(false)) }
        #expect(goodbye.reason == .superseded)
        #expect(try await first.frame() == nil)
        try await second.close()
        try await eventually { try await bench.read { $0.unlinked } == [2] }
        let late = try await bench.hello("agent:main", incarnation: 2)
        guard case .goodbye(let refused)? = try await late.frame() else { return #expect(Bool(false)) }
        #expect(refused.reason == .superseded)
        try await bench.stop()
    }

    @Test("a connection that says nothing, or half a HELLO, is closed at its deadline", arguments: [0, 7])
    func silent(bytes: Int) async throws {
        var limits = HubLimits()
        limits.hello = .milliseconds(50)
        let bench = try await HubBench.start(limits)
        let peer = try await bench.dial()
        var frame = ByteBuffer()
        try Frame.encode(.hello(HubBench.greeting("agent:main")), into: &frame)
        // On a busy machine the deadline may have come already; the end of the connection is what counts.
        if bytes > 0 { try? await peer.send(bytes: Array(frame.readableBytesView.prefix(bytes))) }
        #expect(try await peer.frame() == nil)
        try await bench.stop()
    }

    @Test(
        "malformed bytes cost that connection and nothing else",
        arguments: [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 0, 2, 99, 0], [0, 0, 0, 3, 38, 0xFF, 0xFF]]
            as [[UInt8]]
    )
    func malformed(bytes: [UInt8]) async throws {
        let bench = try await HubBench.start()
        let good = try await bench.hello("agent:main")
        _ = try await good.frame()
        let bad = try await bench.hello("channel:telegram:default")
        _ = try await bad.frame()
        try await bad.send(bytes: bytes)
        #expect(try await bad.frame() == nil)
        try await good.send(.done(HubTurnDone()))
        try await eventually { try await bench.read { $0.received } == ["agent:main|38"] }
        #expect(try await bench.read { $0.warnings }.count == 1)
        try await bench.stop()
    }

    @Test("connections beyond the bound are closed at once")
    func tooMany() async throws {
        var limits = HubLimits()
        limits.connections = 2
        let bench = try await HubBench.start(limits)
        let first = try await bench.dial()
        let second = try await bench.dial()
        try await eventually { try await bench.dial().frame() == nil }
        try await first.close()
        _ = second
        try await eventually {
            let peer = try await bench.hello("agent:main")
            return try await peer.frame()?.type == 2
        }
        try await bench.stop()
    }

    @Test("a worker that does not read while much waits for it loses its link")
    func neverReads() async throws {
        var limits = HubLimits()
        limits.pendingBytes = 4 * 1024 * 1024
        let bench = try await HubBench.start(limits)
        let peer = try await bench.hello("agent:main")
        _ = try await peer.frame()
        try await peer.pauseReading(true)
        let hub = bench.hub
        var turn = HubTurn()
        turn.message.text = String(repeating: "x", count: 900_000)
        let message = HubMessage.turn(turn)
        for _ in 1...8 { try await bench.loop.submit { hub.value.send(1, message) }.get() }
        try await eventually { try await bench.read { $0.unlinked } == [1] }
        try await bench.stop()
    }

    @Test("while the journal is behind nothing is read, afterwards everything")
    func paused() async throws {
        let bench = try await HubBench.start()
        let peer = try await bench.hello("agent:main")
        _ = try await peer.frame()
        let hub = bench.hub
        try await bench.loop.submit { hub.value.pause(true) }.get()
        // More than the kernel keeps for a reader that does not read, so that the writer feels it.
        var done = HubTurnDone()
        done.text = String(repeating: "x", count: 900_000)
        let message = HubMessage.done(done)
        let writing = Task { for _ in 1...4 { try await peer.send(message) } }
        try await eventually { try await peer.channel.getOption(.bufferedWritableBytes).get() > 0 }
        // One read may have been under way when the pause came.
        #expect(try await bench.read { $0.received }.count <= 1)
        try await bench.loop.submit { hub.value.pause(false) }.get()
        try await writing.value
        try await eventually { try await bench.read { $0.received }.count == 4 }
        try await bench.stop()
    }
}

@Suite("streams")
struct StreamTests {
    private func open(_ bench: HubBench, stream: String = "s", target: String = "model:demo") async throws -> Peer {
        try await bench.hello("agent:main") {
            $0.stream = stream
            $0.target = target
        }
    }

    private func serve(_ bench: HubBench, stream: String = "s") async throws -> Peer {
        try await bench.hello("model:demo") { $0.stream = stream }
    }

    private func pair(_ bench: HubBench) async throws -> (agent: Peer, model: Peer, control: Peer) {
        let control = try await bench.hello("model:demo")
        _ = try await control.frame()
        let agent = try await open(bench)
        #expect(try await control.frame() == .streamOpen(.with { $0.stream = "s" }))
        let model = try await serve(bench)
        #expect(try await agent.frame()?.type == 2)
        #expect(try await model.frame()?.type == 2)
        return (agent, model, control)
    }

    @Test("bytes go both ways as they are, also such as are no frames")
    func bothWays() async throws {
        let bench = try await HubBench.start()
        let (agent, model, _) = try await pair(bench)
        try await agent.send(bytes: [0xFF, 0xFF, 0xFF, 0xFF, 1])
        #expect(try await model.bytes(5) == [0xFF, 0xFF, 0xFF, 0xFF, 1])
        try await model.send(bytes: [0, 0, 0, 0])
        #expect(try await agent.bytes(4) == [0, 0, 0, 0])
        try await bench.stop()
    }

    @Test("a model that is not there is asked for, and the stream is paired when it comes")
    func onDemand() async throws {
        var limits = HubLimits()
        limits.startEvery = .milliseconds(20)
        let bench = try await HubBench.start(limits)
        let agent = try await open(bench)
        try await eventually { try await bench.read { $0.wanted }.count >= 2 }
        let control = try await bench.hello("model:demo")
        #expect(try await control.frame()?.type == 2)
        #expect(try await control.frame()?.type == 48)
        let model = try await serve(bench)
        #expect(try await model.frame()?.type == 2)
        #expect(try await agent.frame()?.type == 2)
        try await bench.stop()
    }

    @Test("a stream for a model that leaves waits for the next one, however long the old one takes to end")
    func leaving() async throws {
        var limits = HubLimits()
        limits.startEvery = .milliseconds(20)
        limits.pairing = .milliseconds(20)
        let bench = try await HubBench.start(limits)
        let old = try await bench.hello("model:demo")
        #expect(try await old.frame()?.type == 2)
        let events = bench.events
        try await bench.loop.submit { events.value.leaving = ["model:demo"] }.get()
        let agent = try await open(bench)
        // Asked at the opening, at every look for the model and at every end of the pairing time.
        try await eventually { try await bench.read { $0.leavingAsked } > 6 }
        #expect(try await bench.read { $0.wanted } == [], "the one that leaves is not asked to start")
        let next = try await bench.hello("model:demo", incarnation: 2)
        #expect(try await next.frame()?.type == 2)
        #expect(try await next.frame() == .streamOpen(.with { $0.stream = "s" }))
        #expect(try await old.frame()?.type == 3, "it was told of no stream before it was superseded")
        let model = try await bench.hello("model:demo", incarnation: 2) { $0.stream = "s" }
        #expect(try await model.frame()?.type == 2)
        #expect(try await agent.frame()?.type == 2)
        try await bench.stop()
    }

    @Test("a model that does not come in time, or is parked, is said to the agent")
    func unavailable() async throws {
        var limits = HubLimits()
        limits.pairing = .milliseconds(50)
        let bench = try await HubBench.start(limits)
        let late = try await open(bench)
        guard case .goodbye(let goodbye)? = try await late.frame() else { return #expect(Bool(false)) }
        #expect(goodbye.reason == .unavailable)
        #expect(goodbye.text == "model:demo did not come in time")
        let events = bench.events
        try await bench.loop.submit { events.value.absent = "model:demo is parked: bad key" }.get()
        let parked = try await open(bench)
        guard case .goodbye(let words)? = try await parked.frame() else { return #expect(Bool(false)) }
        #expect(words.text == "model:demo is parked: bad key")
        try await bench.stop()
    }

    @Test("closing is cancelling: when one end goes the other one does, after what was said is delivered")
    func closePropagates() async throws {
        let bench = try await HubBench.start()
        let (agent, model, _) = try await pair(bench)
        try await model.send(bytes: [1, 2, 3])
        try await model.close()
        #expect(try await agent.bytes(10) == [1, 2, 3])
        #expect(try await agent.frame() == nil)
        try await bench.stop()
    }

    @Test("an end that has said all it has to say may still listen")
    func halfClose() async throws {
        let bench = try await HubBench.start()
        let (agent, model, _) = try await pair(bench)
        try await agent.send(bytes: [1])
        try await agent.channel.close(mode: .output)
        #expect(try await model.bytes(9) == [1])
        try await model.send(bytes: [2, 3])
        #expect(try await agent.bytes(2) == [2, 3])
        try await bench.stop()
    }

    @Test("a reader that does not read stops the writer, and loses nothing")
    func backpressure() async throws {
        let bench = try await HubBench.start()
        let (agent, model, _) = try await pair(bench)
        try await agent.pauseReading(true)
        let size = 8 * 1024 * 1024
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let writing = Task { try await model.send(bytes: payload) }
        // The kernel's buffers and the hub's watermark are full; the rest stays with the writer.
        try await eventually { try await model.channel.getOption(.bufferedWritableBytes).get() > size / 2 }
        try await agent.pauseReading(false)
        #expect(try await agent.bytes(size) == payload)
        try await writing.value
        try await bench.stop()
    }

    @Test("agents open streams to models and channels, channels to agents; only the one that was asked serves")
    func whoMay() async throws {
        let bench = try await HubBench.start()
        func reason(_ worker: String, _ target: String, stream: String = "x") async throws -> HubGoodbye.Reason? {
            let peer = try await bench.hello(worker) {
                $0.stream = stream
                $0.target = target
            }
            guard case .goodbye(let goodbye)? = try await peer.frame() else { return nil }
            return goodbye.reason
        }
        #expect(try await reason("channel:telegram:default", "model:demo") == .refused)
        #expect(try await reason("agent:main", "agent:other") == .refused)
        #expect(try await reason("agent:main", "model:demo", stream: String(repeating: "s", count: 65)) == .refused)
        let agent = try await open(bench)
        #expect(try await reason("model:other", "", stream: "s") == .unavailable)
        #expect(try await reason("agent:main", "model:demo", stream: "s") == .refused)
        let model = try await serve(bench)
        #expect(try await model.frame()?.type == 2)
        #expect(try await agent.frame()?.type == 2)
        try await bench.stop()
    }

    @Test("streams that wait are bounded, and one that its opener gave up makes room")
    func bound() async throws {
        var limits = HubLimits()
        limits.streams = 1
        let bench = try await HubBench.start(limits)
        let first = try await open(bench, stream: "1")
        try await eventually { try await !bench.read { $0.wanted }.isEmpty }
        let second = try await open(bench, stream: "2")
        guard case .goodbye(let goodbye)? = try await second.frame() else { return #expect(Bool(false)) }
        #expect(goodbye.reason == .unavailable)
        try await first.close()
        try await eventually {
            let third = try await self.open(bench, stream: UUID().uuidString)
            try await Task.sleep(for: .milliseconds(5))
            let control = try await bench.hello("model:demo")
            _ = try await control.frame()
            _ = third
            return try await control.frame()?.type == 48
        }
        try await bench.stop()
    }
}
