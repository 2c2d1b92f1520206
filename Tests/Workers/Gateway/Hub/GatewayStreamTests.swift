import FoundationEssentials
import IPCHub
import NIOCore
import SwiftProtobuf
import TestSupport
import Testing

@testable import Gateway

@Suite("Streams that the gateway opens itself")
struct GatewayStreamTests {
    /// What a stream told, on the hub's loop.
    private final class Told {
        var words: [String] = []
        var reads = 0
        var stream: GatewayStream?

        func take(_ event: GatewayStream.Event) {
            switch event {
            case .opened:
                words.append("opened")
                stream?.send(.relayRequest(.with { $0.model = "m" }))
            case .frame(let message): words.append("\(message.type)")
            case .writable: break
            case .caughtUp: reads += 1
            case .ended(let why): words.append("ended: \(why)")
            }
        }
    }

    private static func open(_ bench: HubBench) async throws -> NIOLoopBound<Told> {
        let hub = bench.hub
        return try await bench.loop.submit {
            let told = Told()
            told.stream = hub.value.open("model:demo") { told.take($0) }
            return NIOLoopBound(told, eventLoop: bench.loop)
        }.get()
    }

    private static func words(_ told: NIOLoopBound<Told>, _ bench: HubBench) async throws -> [String] {
        try await bench.loop.submit { told.value.words }.get()
    }

    private static func serve(_ bench: HubBench) async throws -> Peer {
        let control = try await bench.hello("model:demo")
        #expect(try await control.frame()?.type == 2)
        #expect(try await control.frame() == .streamOpen(.with { $0.stream = "gateway/1" }))
        let peer = try await bench.hello("model:demo") { $0.stream = "gateway/1" }
        #expect(try await peer.frame()?.type == 2)
        return peer
    }

    @Test("the worker is asked for, frames go both ways, and its end is told once")
    func frames() async throws {
        let bench = try await HubBench.start()
        let told = try await Self.open(bench)
        try await eventually { try await bench.read { $0.wanted } == ["model:demo"] }
        let peer = try await Self.serve(bench)
        #expect(try await peer.frame() == .relayRequest(.with { $0.model = "m" }))
        try await peer.send(.relayHead(HubRelayHead()))
        try await eventually { try await Self.words(told, bench) == ["opened", "69"] }
        try await eventually { try await bench.loop.submit { told.value.reads }.get() > 0 }
        try await peer.close()
        try await eventually { try await Self.words(told, bench).last == "ended: it went away in the middle" }
        #expect(try await Self.words(told, bench).count == 3)
        try await bench.stop()
    }

    @Test("rows of the ledger that come with an answer are the engine's, once the journal has caught up")
    func rows() async throws {
        var limits = HubBench.patient
        limits.rows = 2
        let bench = try await HubBench.start(limits)
        let hub = bench.hub
        let told = try await Self.open(bench)
        let peer = try await Self.serve(bench)
        try await peer.send(.ledgerRow(.with { $0.id = "1" }))
        try await eventually { try await bench.read { $0.received } == ["model:demo|66"] }
        try await bench.loop.submit { hub.value.pause(true) }.get()
        for id in ["2", "3"] { try await peer.send(.ledgerRow(.with { $0.id = id })) }
        try await peer.send(.relayHead(HubRelayHead()))
        try await eventually { try await Self.words(told, bench) == ["opened", "69"] }
        #expect(try await bench.read { $0.received.count } == 1)
        try await bench.loop.submit { hub.value.pause(false) }.get()
        #expect(try await bench.read { $0.received.count } == 3)

        // One more than may wait: its worker tells all of them again, on the link that it dials next.
        try await bench.loop.submit { hub.value.pause(true) }.get()
        for id in ["4", "5", "6"] { try await peer.send(.ledgerRow(.with { $0.id = id })) }
        try await eventually { try await bench.read { $0.unlinked.count } == 1 }
        try await bench.stop()
    }

    @Test("what nobody reads stays with the worker, and comes when it is wanted")
    func flow() async throws {
        let bench = try await HubBench.start()
        let told = try await Self.open(bench)
        let peer = try await Self.serve(bench)
        try await bench.loop.submit { told.value.stream?.isReading = false }.get()
        let message = HubMessage.mediaChunk(.with { $0.data = Data(repeating: 1, count: 900_000) })
        let writing = Task { for _ in 1...4 { try await peer.send(message) } }
        try await eventually { try await peer.channel.getOption(.bufferedWritableBytes).get() > 0 }
        // One read may have been under way.
        #expect(try await Self.words(told, bench).count <= 2)
        try await bench.loop.submit { told.value.stream?.isReading = true }.get()
        try await writing.value
        try await eventually { try await Self.words(told, bench).filter { $0 == "57" }.count == 4 }
        try await bench.stop()
    }

    @Test("closing is cancelling, before the worker comes and after")
    func closing() async throws {
        let bench = try await HubBench.start()
        let told = try await Self.open(bench)
        let peer = try await Self.serve(bench)
        try await bench.loop.submit { told.value.stream?.close() }.get()
        #expect(try await peer.frame()?.type == 68)
        #expect(try await peer.frame() == nil)
        let second = try await Self.open(bench)
        try await bench.loop.submit { second.value.stream?.close() }.get()
        let late = try await bench.hello("model:demo") { $0.stream = "gateway/2" }
        #expect(try await late.frame()?.type == 3)
        #expect(try await Self.words(second, bench).isEmpty)
        try await bench.stop()
    }

    @Test("a worker that does not come, is parked or breaks the protocol is said")
    func absent() async throws {
        var limits = HubLimits()
        limits.pairing = .milliseconds(50)
        let bench = try await HubBench.start(limits)
        let late = try await Self.open(bench)
        try await eventually { try await Self.words(late, bench) == ["ended: model:demo did not come in time"] }
        let events = bench.events
        try await bench.loop.submit { events.value.absent = "model:demo is parked: bad key" }.get()
        let parked = try await Self.open(bench)
        try await eventually { try await Self.words(parked, bench) == ["ended: model:demo is parked: bad key"] }
        try await bench.stop()
        let other = try await HubBench.start()
        let told = try await Self.open(other)
        let peer = try await Self.serve(other)
        try await peer.send(bytes: [0xFF, 0xFF, 0xFF, 0xFF])
        try await eventually { try await Self.words(told, other).last == "ended: it went away in the middle" }
        try await other.stop()
    }

    /// A stream that is over on both sides, and its worker's end.
    private static func rested(_ bench: HubBench) async throws -> Peer {
        let told = try await open(bench)
        let peer = try await serve(bench)
        #expect(try await peer.frame()?.type == 68)
        try await bench.loop.submit { told.value.stream?.finish() }.get()
        return peer
    }

    @Test("a connection that is done serves the next stream to its worker, without a greeting")
    func reused() async throws {
        let bench = try await HubBench.start()
        let peer = try await Self.rested(bench)
        let told = try await Self.open(bench)
        #expect(try await peer.frame() == .relayRequest(.with { $0.model = "m" }))
        try await peer.send(.relayHead(HubRelayHead()))
        try await eventually { try await Self.words(told, bench) == ["opened", "69"] }
        #expect(try await bench.loop.submit { told.value.stream?.isReused }.get() == true)
        // While it serves it is nobody else's; and who wants a fresh one gets that.
        let other = try await Self.open(bench)
        try await bench.loop.submit { told.value.stream?.finish() }.get()
        let hub = bench.hub
        let fresh = try await bench.loop.submit {
            hub.value.open("model:demo", isFresh: true) { _ in }.isReused
        }.get()
        #expect(!fresh)
        #expect(try await Self.words(other, bench).isEmpty)
        try await bench.stop()
    }

    @Test("a connection rests for a while only, and for a worker that stays")
    func restEnds() async throws {
        var limits = HubLimits()
        limits.rest = .milliseconds(20)
        let short = try await HubBench.start(limits)
        #expect(try await Self.rested(short).frame() == nil)
        try await short.stop()
        limits = HubLimits()
        limits.resting = 0
        let none = try await HubBench.start(limits)
        #expect(try await Self.rested(none).frame() == nil)
        try await none.stop()
        let leaving = try await HubBench.start()
        let peer = try await Self.rested(leaving)
        let events = leaving.events
        try await leaving.loop.submit { _ = events.value.leaving.insert("model:demo") }.get()
        let told = try await Self.open(leaving)
        try await peer.close()
        #expect(try await Self.words(told, leaving).isEmpty, "the next incarnation is waited for")
        try await leaving.stop()
    }

    @Test("who speaks unasked while its connection rests loses it; one that is gone is not used")
    func restBroken() async throws {
        let bench = try await HubBench.start()
        let loud = try await Self.rested(bench)
        try await loud.send(.mediaEnd(HubMediaEnd()))
        #expect(try await loud.frame() == nil)
        let told = try await Self.open(bench)
        try await eventually { try await bench.loop.submit { told.value.stream?.isReused }.get() == false }
        #expect(try await Self.words(told, bench).isEmpty)
        try await bench.stop()
    }

    @Test("no worker opens a stream with a name of the gateway's")
    func names() async throws {
        let bench = try await HubBench.start()
        let peer = try await bench.hello("agent:main") { ($0.stream, $0.target) = ("gateway/1", "model:demo") }
        guard case .goodbye(let goodbye)? = try await peer.frame() else { return #expect(Bool(false)) }
        #expect(goodbye.reason == .refused && goodbye.text.contains("gateway's own"))
        try await bench.stop()
    }
}
