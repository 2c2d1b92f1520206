import Glibc
import IPCControl
import NIOPosix
import Runtime
import Synchronization
import Testing

@Suite("A worker's lifeline", .timeLimit(.minutes(1)))
struct LifelineTests {
    @Test("says heartbeat and ready, and hands a drain to everybody who waits, before or after it came")
    func drain() async throws {
        let subject = try await TestWorker(
            id: "agent:main",
            hub: "/nowhere",
            group: MultiThreadedEventLoopGroup.singleton
        )
        let lifeline = subject.worker.lifeline
        lifeline.ready()
        var decoder = BlockDecoder()
        var seen: [Block] = []
        while seen.count < 2 {
            decoder.append(await subject.supervisor.readFar())
            while let block = try decoder.next() { seen.append(block) }
        }
        let heartbeat = try #require(seen.first { $0.type == "HEARTBEAT" })
        #expect((heartbeat.integer("PSS_KB") ?? 0) > 1000)
        #expect(seen.contains(Block("READY")))

        async let early = lifeline.drained()
        try subject.supervisor.write(try Block("DRAIN", ["BY_MS": "1500", "REASON": "restart"]).encoded())
        #expect(await early == Drain(reason: "restart", milliseconds: 1500))
        #expect(await lifeline.drained() == Drain(reason: "restart", milliseconds: 1500))
        #expect(lifeline.isDraining)
    }

    @Test("is silent while something that it watches stands still, and speaks again when that moves on")
    func watching() async throws {
        let subject = try await TestWorker(id: "gateway", hub: "/nowhere", group: MultiThreadedEventLoopGroup.singleton)
        var supervisor = HeartbeatReader(subject.supervisor)
        _ = try await supervisor.next()
        let (asked, ask) = AsyncStream<Void>.makeStream()
        let moves = Atomic<Bool>(false)
        subject.worker.lifeline.watching {
            ask.yield()
            return moves.load(ordering: .relaxed)
        }
        var looks = 0
        for await _ in asked {
            looks += 1
            // What was on its way before the first look.
            if looks == 1 { subject.supervisor.emptyFar() }
            if looks == 3 { break }
        }
        #expect(subject.supervisor.hasNothingFar)
        moves.store(true, ordering: .relaxed)
        #expect(try await supervisor.next() > 0)
    }

    @Test("keeps what comes before somebody receives it, in order")
    func early() async throws {
        let subject = try await TestWorker(id: "gateway", hub: "/nowhere", group: MultiThreadedEventLoopGroup.singleton)
        try subject.supervisor.write(
            try Block("WORKER", ["ID": "a"]).encoded() + Block("EXIT", ["ID": "b"]).encoded()
        )
        let (blocks, block) = AsyncStream<Block>.makeStream()
        subject.worker.lifeline.receive { block.yield($0) }
        var types: [String] = []
        for await block in blocks {
            types.append(block.type)
            if types.count == 2 { break }
        }
        #expect(types == ["WORKER", "EXIT"])
    }
}
