import IPCControl
import Testing

@testable import Supervisor

@Suite("Shutdown of the tree")
struct ShutdownTests {
    private func running() -> TreeWorld {
        var world = TreeWorld()
        let specs: [WorkerSpec] = [
            .init("gateway"), .init("agent:main"), .init("channel:telegram:default"), .init("model:anthropic"),
            .init("sidecar:ngrok"),
        ]
        world.happen(.planned(specs))
        for spec in specs where world.state(spec.id) == .starting { world.ready(spec.id) }
        _ = world.take()
        return world
    }

    private func drained(_ effects: [SupervisorEffect]) -> [WorkerID: Duration] {
        var result: [WorkerID: Duration] = [:]
        for case .drain(let id, _, let by, .shutdown) in effects { result[id] = by }
        return result
    }

    @Test("turns until 2.0, sends until 3.0, gateway until 3.4, everything is killed at 3.6")
    func schedule() {
        var world = running()
        world.happen(.terminate)
        #expect(drained(world.take()) == [.gateway: .milliseconds(3400), .agent: .seconds(2)])
        world.pass(.milliseconds(1990))
        #expect(drained(world.take()).isEmpty, "channels and models serve the last turns")
        world.pass(.milliseconds(10))
        #expect(drained(world.take()) == [.telegram: .seconds(1), .model: .seconds(1), .ngrok: .seconds(1)])
        world.pass(.milliseconds(1590))
        #expect(!world.take().contains { if case .kill = $0 { true } else { false } })
        world.pass(.milliseconds(10))
        #expect(world.take().count { if case .kill = $0 { true } else { false } } == 5)
        for id in world.alive.keys { world.die(id) }
        #expect(world.take().last == .finished(isComplete: true))
    }

    @Test("it ends as soon as the last worker is gone, and each stage as soon as its workers are")
    func early() {
        var world = running()
        world.happen(.terminate)
        _ = world.take()
        world.pass(.milliseconds(100))
        world.die(.agent, .clean)
        #expect(
            drained(world.take()) == [
                .telegram: .milliseconds(2900), .model: .milliseconds(2900), .ngrok: .milliseconds(2900),
            ]
        )
        for id in [WorkerID.telegram, .model, .ngrok] { world.die(id, .clean) }
        #expect(drained(world.take()).isEmpty, "the gateway has its time already")
        world.die(.gateway, .clean)
        #expect(world.take().last == .finished(isComplete: true))
        #expect(world.tree.nextDeadline == nil)
    }

    @Test("a second TERM kills everything now")
    func second() {
        var world = running()
        world.happen(.terminate)
        _ = world.take()
        world.happen(.terminate)
        #expect(world.take().count { if case .kill = $0 { true } else { false } } == 5)
    }

    @Test("a process that SIGKILL does not end is reported and not waited for")
    func unkillable() {
        var world = running()
        world.happen(.terminate)
        world.pass(.milliseconds(3700))
        for id in [WorkerID.agent, .telegram, .model, .ngrok] { world.die(id) }
        world.pass(.milliseconds(210))
        let effects = world.take()
        #expect(effects.last == .finished(isComplete: false))
        #expect(effects.contains(.say(nil, "not waited for: gateway")))
    }

    @Test("nothing starts any more, whoever asks")
    func noStarts() {
        var world = running()
        world.die(.model)
        world.happen(.terminate)
        _ = world.take()
        world.die(.agent)
        world.happen(.start(.agent, by: .person))
        world.happen(.restart(.telegram))
        world.happen(.reset(.agent))
        world.happen(.planned([.init("channel:discord:default")]))
        world.pass(.seconds(10))
        #expect(!world.take().contains { if case .spawn = $0 { true } else { false } })
    }

    @Test("an empty tree finishes at once")
    func empty() {
        var world = TreeWorld()
        world.happen(.terminate)
        #expect(world.take().last == .finished(isComplete: true))
    }
}
