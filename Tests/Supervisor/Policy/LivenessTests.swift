import IPCControl
import Testing

@testable import Supervisor

@Suite("Heartbeats and deadlines")
struct LivenessTests {
    private func running(_ specs: WorkerSpec...) -> TreeWorld {
        var world = TreeWorld()
        world.happen(.planned(specs))
        for spec in specs where world.state(spec.id) == .starting { world.ready(spec.id) }
        _ = world.take()
        return world
    }

    @Test("a worker that is silent for ten seconds is killed, and its death is its own doing")
    func silence() {
        var world = running(.init("gateway"), .init("agent:main"))
        world.pass(.milliseconds(9_900), silent: [.agent])
        #expect(world.state(.agent) == .ready)
        world.pass(.milliseconds(200), silent: [.agent])
        #expect(world.take().contains(.kill(.agent, 1)))
        #expect(world.state(.agent) == .draining)
        world.die(.agent)
        #expect(world.tree.status(of: .agent)?.lastDeath?.cause == .watchdog)
        #expect(world.tree.status(of: .agent)?.lastDeath?.isOwnDoing == true)
        #expect(world.state(.agent) == .starting)
        #expect(world.state(.gateway) == .ready)
    }

    @Test("a supervisor that was suspended kills nobody", arguments: [11, 60, 86_400])
    func suspended(seconds: Int) {
        var world = running(.init("gateway"), .init("agent:main"))
        // Nothing is handled for that long; then the first look at the clock comes before any heartbeat.
        world.now = world.now + .seconds(seconds)
        world.happen(.tick)
        world.now = world.now + .milliseconds(900)
        world.happen(.tick)
        #expect(world.state(.agent) == .ready)
        // A second suspension on top of the suspicion.
        world.now = world.now + .seconds(seconds)
        world.happen(.tick)
        #expect(world.state(.agent) == .ready)
        world.happen(.heartbeat(.agent, 1))
        world.happen(.heartbeat(.gateway, 1))
        world.pass(.seconds(30))
        #expect(world.alive == [.gateway: 1, .agent: 1])
        #expect(!world.take().contains { if case .kill = $0 { true } else { false } })
    }

    @Test("a worker that was dead before the suspension is found out after it")
    func suspendedAndDead() {
        var world = running(.init("agent:main"))
        world.now = world.now + .seconds(3600)
        world.pass(.milliseconds(3_100), silent: [.agent])
        #expect(world.take().contains(.kill(.agent, 1)))
    }

    @Test("a start that is not ready within ten seconds is killed although it sends heartbeats")
    func startDeadline() {
        var world = TreeWorld()
        world.happen(.planned([.init("channel:telegram:default")]))
        world.pass(.milliseconds(10_010))
        #expect(world.take().contains(.kill(.telegram, 1)))
        world.die(.telegram)
        #expect(world.tree.status(of: .telegram)?.lastDeath?.text.contains("not ready") == true)
    }

    @Test("a sidecar is ready when it is started and nobody waits for its heartbeat")
    func sidecar() {
        var world = running(.init("sidecar:ngrok"))
        #expect(world.state(.ngrok) == .ready)
        world.pass(.seconds(3600), silent: [.ngrok])
        #expect(world.alive == [.ngrok: 1])
        world.happen(.stop(.ngrok))
        world.die(.ngrok, CauseOfDeath(cause: .signal, isOwnDoing: false, text: "SIGTERM"))
        #expect(world.tree.status(of: .ngrok)?.lastDeath?.cause == .stopped)
        #expect(world.state(.ngrok) == .stopped)
    }

    @Test("a worker that breaks its lifeline is killed")
    func broken() {
        var world = running(.init("agent:main"))
        world.happen(.lifelineBroken(.agent, 1, text: "a line is longer than 32768 bytes"))
        #expect(world.take().contains(.kill(.agent, 1)))
        world.die(.agent)
        #expect(world.tree.status(of: .agent)?.lastDeath?.text == "a line is longer than 32768 bytes")
    }
}
