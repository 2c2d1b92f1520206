import IPCControl
import Testing

@testable import Supervisor

@Suite("Foreign programs: when they are ready, and whether they come back")
struct SidecarPolicyTests {
    private static let failure = CauseOfDeath(cause: .exit, isOwnDoing: false, text: "exited with code 3", exitCode: 3)

    private func running(_ spec: WorkerSpec) -> TreeWorld {
        var world = TreeWorld()
        world.happen(.planned([spec]))
        _ = world.take()
        return world
    }

    private func said(_ world: inout TreeWorld, _ words: String) -> Bool {
        world.take().contains { if case .say(_, let text) = $0 { text.contains(words) } else { false } }
    }

    @Test("with a sign it is ready at the sign and not before; it never needs a heartbeat after that")
    func sign() {
        var world = running(.ngrok(readySign: .port(4040)))
        #expect(world.state(.ngrok) == .starting)
        world.pass(.seconds(59), silent: [.ngrok])
        #expect(world.state(.ngrok) == .starting)
        world.ready(.ngrok)
        #expect(world.state(.ngrok) == .ready)
        world.pass(.seconds(3600), silent: [.ngrok])
        #expect(world.alive == [.ngrok: 1])
    }

    @Test("without its sign it is killed after sixty seconds, five times in a row lead to quarantine")
    func neverReady() {
        var world = running(.ngrok(readySign: .line("started tunnel")))
        for round in 1...5 {
            world.pass(.milliseconds(59_990), silent: [.ngrok])
            #expect(world.state(.ngrok) == .starting, "round \(round)")
            world.pass(.milliseconds(20), silent: [.ngrok])
            #expect(world.state(.ngrok) == .draining, "round \(round)")
            world.die(.ngrok)
            let text = world.tree.status(of: .ngrok)?.lastDeath?.text
            #expect(text == "not ready within 60 s: no line of its output contains \"started tunnel\"")
            guard round < 5 else { break }
            #expect(world.state(.ngrok) == .backoff)
            while world.state(.ngrok) == .backoff { world.pass(.milliseconds(10), silent: [.ngrok]) }
        }
        #expect(world.state(.ngrok) == .quarantined)
    }

    @Test("a suspended machine costs a starting sidecar nothing")
    func suspended() {
        var world = running(.ngrok(readySign: .port(1)))
        world.now = world.now + .seconds(3600)
        world.happen(.tick)
        #expect(world.state(.ngrok) == .starting)
    }

    @Test("always: it comes back whatever its end was")
    func always() {
        for end in [CauseOfDeath.clean, Self.failure, .plainKill] {
            var world = running(.ngrok(restart: .always))
            world.die(.ngrok, end)
            #expect(world.alive == [.ngrok: 2])
        }
    }

    @Test("on-failure: exit code 0 leaves it stopped, anything else brings it back")
    func onFailure() {
        for end in [Self.failure, .plainKill, .segfault] {
            var world = running(.ngrok(restart: .onFailure))
            world.die(.ngrok, end)
            #expect(world.alive == [.ngrok: 2])
        }
        var world = running(.ngrok(restart: .onFailure))
        world.die(.ngrok, .clean)
        #expect(world.state(.ngrok) == .stopped && world.alive.isEmpty)
        #expect(said(&world, "not started again (restart: on-failure)"))
        world.pass(.seconds(3600))
        #expect(world.state(.ngrok) == .stopped)
        world.happen(.start(.ngrok, by: .person))
        #expect(world.alive == [.ngrok: 2])
    }

    @Test("never: stopped after exit code 0, parked after anything else, until a person or a new plan says otherwise")
    func never() {
        var world = running(.ngrok(restart: .never))
        world.die(.ngrok, .clean)
        #expect(world.state(.ngrok) == .stopped)
        world = running(.ngrok(restart: .never))
        world.die(.ngrok, Self.failure)
        #expect(world.state(.ngrok) == .parked)
        #expect(said(&world, "clawhold start sidecar:ngrok"))
        world.pass(.seconds(3600))
        #expect(world.state(.ngrok) == .parked)
        world.happen(.planned([.ngrok(restart: .never)]))
        #expect(world.state(.ngrok) == .parked, "the same plan changes nothing")
        var changed = WorkerSpec.ngrok(restart: .never)
        changed.revision = "2"
        world.happen(.planned([changed]))
        #expect(world.alive == [.ngrok: 2])
    }

    @Test("never: a start that failed before the program ran is tried again")
    func neverStarted() {
        var world = TreeWorld()
        world.unstartable = [.ngrok]
        world.happen(.planned([.ngrok(restart: .never)]))
        #expect(world.state(.ngrok) == .backoff)
        world.unstartable = []
        world.pass(.seconds(1))
        #expect(world.state(.ngrok) == .ready)
    }

    @Test("a restart that a person asks for comes back also under never")
    func asked() {
        var world = running(.ngrok(restart: .never))
        world.happen(.restart(.ngrok))
        world.die(.ngrok, CauseOfDeath(cause: .signal, isOwnDoing: false, text: "SIGTERM"))
        #expect(world.alive == [.ngrok: 2])
    }
}
