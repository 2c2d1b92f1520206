import IPCControl
import Testing

@testable import Supervisor

@Suite("Restart policy")
struct RestartPolicyTests {
    private func running(_ specs: WorkerSpec...) -> TreeWorld {
        var world = TreeWorld()
        world.happen(.planned(specs))
        for spec in specs where world.alive[spec.id] != nil { world.ready(spec.id) }
        _ = world.take()
        return world
    }

    @Test("a plan starts its permanent workers at once and no on-demand worker")
    func start() {
        var world = TreeWorld()
        world.happen(
            .planned([.init("gateway"), .init("channel:telegram:default"), .init("model:anthropic", .demand)])
        )
        #expect(world.alive == [.gateway: 1, .telegram: 1])
        #expect(world.state(.gateway) == .starting)
        #expect(world.state(.model) == .stopped)
        world.ready(.gateway)
        #expect(world.state(.gateway) == .ready)
    }

    @Test("five deaths are answered at once, the sixth after a quarter of a second at most")
    func credit() {
        var world = running(.init("channel:telegram:default"))
        for incarnation in UInt64(2)...6 {
            world.die(.telegram)
            #expect(world.alive[.telegram] == incarnation)
            world.ready(.telegram)
        }
        world.die(.telegram)
        #expect(world.alive[.telegram] == nil)
        #expect(world.state(.telegram) == .backoff)
        world.pass(.milliseconds(124))
        #expect(world.state(.telegram) == .backoff)
        world.pass(.milliseconds(126))
        #expect(world.alive[.telegram] == 7)
    }

    @Test("a used restart comes back after ten seconds")
    func regain() {
        var world = running(.init("channel:telegram:default"))
        for _ in 0..<5 {
            world.die(.telegram)
            world.ready(.telegram)
        }
        world.pass(.milliseconds(9_990))
        world.pass(.milliseconds(20))
        world.die(.telegram)
        #expect(world.alive[.telegram] == 7)
        world.ready(.telegram)
        world.die(.telegram)
        #expect(world.state(.telegram) == .backoff)
    }

    @Test("delays double up to thirty seconds, half of each is random, and a minute of health begins anew")
    func doubling() {
        var random = SplitMix64(seed: 7)
        var now = Instant(nanoseconds: 0)
        var backoff = Backoff(cap: PolicyTiming.backoffCap, now: now)
        var full = Duration.milliseconds(250)
        for _ in 0..<12 {
            let delay = backoff.delay(wasReady: false, healthy: .zero, now: now, using: &random)
            #expect(delay >= full / 2 && delay <= full)
            now = now + .milliseconds(1)
            full = min(full * 2, .seconds(30))
        }
        #expect(full == .seconds(30))
        let fresh = backoff.delay(wasReady: false, healthy: .seconds(60), now: now, using: &random)
        #expect(fresh <= .milliseconds(250))
        // The same moment of death, other seeds: the workers of one cause do not come back in step.
        let delays = (UInt64(0)..<20).map { seed in
            var random = SplitMix64(seed: seed)
            var backoff = Backoff(cap: .seconds(30), now: now)
            return backoff.delay(wasReady: false, healthy: .zero, now: now, using: &random)
        }
        #expect(Set(delays).count > 10)
    }

    @Test("the delays of one seed are always the same")
    func golden() {
        var random = SplitMix64(seed: 1)
        var backoff = Backoff(cap: PolicyTiming.backoffCap, now: .origin)
        let delays = (0..<10).map { _ in
            backoff.delay(wasReady: false, healthy: .zero, now: .origin, using: &random).wholeMilliseconds
        }
        #expect(delays == [196, 437, 986, 1444, 2888, 7052, 15019, 22846, 19282, 26910])
    }

    @Test("the gateway comes back at once when all workers die of one cause")
    func stormWithGateway() {
        let specs = [WorkerSpec("gateway")] + (0..<60).map { WorkerSpec("channel:telegram:bot\($0)") }
        var world = TreeWorld()
        world.happen(.planned(specs))
        for spec in specs { world.ready(spec.id) }
        // Last, when the others have emptied the tree's bucket.
        for spec in specs.reversed() { world.die(spec.id) }
        #expect(world.alive.count == 1 + PolicyTiming.treeRestartBurst)
        #expect(world.state(.gateway) == .starting)
    }

    @Test("five starts that never became ready are quarantined and probed once a minute")
    func unready() {
        var world = TreeWorld()
        world.unstartable = [.telegram]
        world.happen(.planned([.init("channel:telegram:default")]))
        world.pass(.seconds(4))
        #expect(world.incarnation(.telegram) == 5)
        #expect(world.state(.telegram) == .quarantined)
        world.pass(.seconds(55))
        #expect(world.incarnation(.telegram) == 5)
        world.pass(.seconds(5))
        #expect(world.incarnation(.telegram) == 6)
        #expect(world.state(.telegram) == .quarantined)
        world.unstartable = []
        world.pass(.seconds(61))
        world.ready(.telegram)
        #expect(world.state(.telegram) == .ready)
        world.die(.telegram)
        #expect(world.state(.telegram) == .quarantined, "one attempt, and it was not well for long: no credit")
        world.pass(.seconds(61))
        world.ready(.telegram)
        world.pass(.seconds(60))
        world.die(.telegram)
        #expect(world.state(.telegram) == .starting, "a probe that was well for a minute ends the quarantine")
    }

    @Test("five deaths by its own doing within ten minutes are quarantined, plain kills are not")
    func ownDoing() {
        var world = running(.init("channel:telegram:default"), .init("agent:main"))
        for death in 1...5 {
            for id in [WorkerID.telegram, .agent] {
                world.die(id, id == .agent ? .segfault : .plainKill)
                if world.alive[id] != nil { world.ready(id) }
            }
            #expect(world.state(.agent) == (death == 5 ? .quarantined : .ready))
            world.pass(.seconds(100))
        }
        #expect(world.state(.telegram) == .ready)
        let status = world.tree.status(of: .agent)
        #expect(status?.lastDeath == .segfault)
    }

    @Test("own-doing deaths that lie more than ten minutes apart never add up")
    func oldDeaths() {
        var world = running(.init("agent:main"))
        for _ in 0..<20 {
            world.die(.agent, .segfault)
            #expect(world.state(.agent) == .starting)
            world.ready(.agent)
            world.pass(.seconds(151))
        }
    }

    @Test("the gateway is never quarantined and never waits longer than a second")
    func gateway() {
        var world = running(.init("gateway"))
        for _ in 0..<40 {
            world.die(.gateway, .segfault)
            world.pass(.seconds(1))
            #expect(world.state(.gateway) == .starting)
        }
        #expect(world.tree.status(of: .gateway)?.restarts == 40)
        world.happen(.fatal(.gateway, world.alive[.gateway] ?? 0, reason: "the journal cannot be opened"))
        world.die(.gateway, .clean)
        world.pass(.seconds(1))
        #expect(world.state(.gateway) == .starting)
    }

    @Test("one cause that kills sixty workers again and again does not start more than the tree's budget allows")
    func storm() {
        let specs = (0..<60).map { WorkerSpec("channel:telegram:bot\($0)") }
        var world = TreeWorld()
        world.happen(.planned(specs))
        for spec in specs { world.ready(spec.id) }
        _ = world.take()
        for spec in specs { world.die(spec.id) }
        let atOnce = world.take().filter { if case .spawn = $0 { true } else { false } }.count
        #expect(atOnce == PolicyTiming.treeRestartBurst)
        world.pass(.seconds(4))
        #expect(world.alive.count <= 41)
        world.pass(.seconds(5))
        #expect(world.alive.count == 60)
    }
}
