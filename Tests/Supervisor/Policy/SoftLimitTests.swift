import IPCControl
import Testing

@testable import Supervisor

@Suite("Soft limits")
struct SoftLimitTests {
    private func running(softKB: Int64 = 100_000) -> TreeWorld {
        var world = TreeWorld()
        world.happen(.planned([.init("agent:main", softKB: softKB)]))
        world.ready(.agent)
        _ = world.take()
        return world
    }

    /// Measures every two seconds, and answers whether the worker was asked to leave.
    private func measure(_ world: inout TreeWorld, _ usedKB: Int64, times: Int) -> Bool {
        _ = world.take()
        for _ in 0..<times {
            world.happen(.memory(.agent, world.alive[.agent] ?? 0, usedKB: usedKB, peakKB: usedKB))
            world.pass(.seconds(2))
        }
        return world.effects.contains { if case .drain = $0 { true } else { false } }
    }

    @Test("a limit that could not be lowered far enough is lowered when the worker uses less")
    func owed() {
        let terms = MemoryTerms(hard: .init(leastKB: 64 << 10), floorKB: 16 << 10)
        let tool = WorkerID.of("tool:files")
        var world = TreeWorld()
        world.happen(.total(60 << 10))
        let specs = [WorkerID.telegram, tool].map {
            WorkerSpec(id: $0, start: .permanent, revision: "1", memory: terms)
        }
        world.happen(.planned(specs))
        world.happen(.limited(.telegram, 1, hardKB: 50 << 10))
        world.happen(.memory(.telegram, 1, usedKB: 46 << 10, peakKB: 46 << 10))
        world.happen(.memory(.telegram, 1, usedKB: 10 << 10, peakKB: 46 << 10))
        let grantedKB = world.tree.statuses.reduce(0) { $0 + $1.grant.hardKB }
        #expect(grantedKB <= 60 << 10)
    }

    @Test("the first crossing asks to shed; three measurements later the worker is drained and replaced, in words")
    func shedThenReplace() {
        var world = running()
        world.pass(.seconds(60))
        world.happen(.memory(.agent, 1, usedKB: 99_999, peakKB: 130_000))
        #expect(!world.take().contains(.shed(.agent, 1)))
        world.happen(.memory(.agent, 1, usedKB: 120_000, peakKB: 130_000))
        let first = world.take()
        #expect(first.contains(.shed(.agent, 1)))
        #expect(
            first.contains(
                .say(.agent, "agent:main uses 117 MB, above its soft limit of 97 MB: asked to give back what it can")
            )
        )
        #expect(!measure(&world, 120_000, times: 2))
        #expect(world.state(.agent) == .ready)
        world.happen(.memory(.agent, 1, usedKB: 120_000, peakKB: 130_000))
        let last = world.take()
        #expect(last.contains(.drain(.agent, 1, by: PolicyTiming.softBy, reason: .soft)))
        #expect(
            last.contains(
                .say(
                    .agent,
                    "agent:main uses 117 MB, above its soft limit of 97 MB, after giving back what it could: drained and replaced"
                )
            )
        )
        world.die(.agent, .clean)
        #expect(world.alive[.agent] == 2)
        #expect(world.tree.status(of: .agent)?.restarts == 0)
    }

    @Test("a worker that gave back enough stays; hovering about the limit asks no more than every half minute")
    func shedHelps() {
        var world = running()
        world.pass(.seconds(60))
        for _ in 0..<60 {
            #expect(!measure(&world, 120_000, times: 1))
            #expect(!measure(&world, 90_000, times: 1))
        }
        world = running()
        world.pass(.seconds(60))
        var asked = 0
        for turn in 0..<60 {
            _ = measure(&world, turn % 2 == 0 ? 120_000 : 90_000, times: 1)
            asked += world.take().filter { $0 == .shed(.agent, 1) }.count
        }
        #expect((4...5).contains(asked), "two minutes: \(asked)")
    }

    @Test("a worker that starts above its limit is left alone for its first minute")
    func startsLarge() {
        var world = running()
        #expect(!measure(&world, 120_000, times: 29))
        #expect(measure(&world, 120_000, times: 2))
    }

    @Test(
        "replacing that does not help is tried ever more rarely, an hour apart at most, and said once per incarnation"
    )
    func noLoop() {
        var world = running()
        var replacedAt: [Instant] = []
        var held = 0
        for _ in 0..<(8 * 3600 / 2) {
            let isReplaced = measure(&world, 120_000, times: 1)
            held +=
                world.effects.filter { if case .say(_, let text) = $0 { text.contains("left alone") } else { false } }
                .count
            guard isReplaced else { continue }
            replacedAt.append(world.now)
            world.die(.agent, .clean)
            world.ready(.agent)
        }
        let gaps = zip(replacedAt.dropFirst(), replacedAt).map { ($0 - $1).wholeMilliseconds / 60_000 }
        #expect(gaps.prefix(8) == [1, 2, 4, 8, 16, 32, 60, 60])
        // All but the first two, and the one that lives now.
        #expect(held == replacedAt.count - 1)
    }

    @Test("a slow leak is replaced at the pace of the leak")
    func leak() {
        var world = running()
        for _ in 0..<12 {
            #expect(!measure(&world, 90_000, times: 300))
            #expect(measure(&world, 120_000, times: 4))
            world.die(.agent, .clean)
            world.ready(.agent)
        }
    }

    @Test("a person's restart forgets what was replaced before")
    func forgotten() {
        var world = running()
        world.pass(.seconds(60))
        for _ in 0..<3 {
            #expect(measure(&world, 120_000, times: 100))
            world.die(.agent, .clean)
            world.ready(.agent)
            world.happen(.restart(.agent))
            world.die(.agent, .clean)
            world.ready(.agent)
            world.pass(.seconds(60))
        }
        #expect(measure(&world, 120_000, times: 4))
    }
}
