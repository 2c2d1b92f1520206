import IPCControl
import Testing

@testable import Supervisor

@Suite("Commands and plans")
struct CommandTests {
    private func running(_ specs: WorkerSpec...) -> TreeWorld {
        var world = TreeWorld()
        world.happen(.planned(specs))
        for spec in specs where world.state(spec.id) == .starting { world.ready(spec.id) }
        _ = world.take()
        return world
    }

    @Test("an on-demand worker starts on START, stops on LEAVE, and a START meanwhile brings it back")
    func demand() {
        var world = running(.init("model:anthropic", .demand))
        world.happen(.start(.model, by: .gateway))
        world.ready(.model)
        world.happen(.leave(.model, 1))
        #expect(world.state(.model) == .draining)
        world.die(.model, .clean)
        #expect(world.state(.model) == .stopped)
        world.happen(.start(.model, by: .gateway))
        world.ready(.model)
        world.happen(.leave(.model, 2))
        world.happen(.start(.model, by: .gateway))
        #expect(world.alive[.model] == 2, "never two incarnations")
        world.die(.model, .clean)
        #expect(world.alive[.model] == 3)
        world.ready(.model)
        world.die(.model, .clean)
        #expect(world.state(.model) == .stopped, "exit 0 is leaving too")
        world.happen(.start(.model, by: .gateway))
        world.die(.model)
        #expect(world.state(.model) == .backoff, "a crash is not leaving")
    }

    @Test("a worker that says LEAVE and stays is killed")
    func leaveAndStay() {
        var world = running(.init("model:anthropic", .demand))
        world.happen(.start(.model, by: .gateway))
        world.ready(.model)
        world.happen(.leave(.model, 1))
        world.pass(.milliseconds(5_010))
        #expect(world.take().contains(.kill(.model, 1)))
    }

    @Test("a restart drains, then starts; a worker that does not finish is killed and replaced")
    func restart() {
        var world = running(.init("channel:telegram:default"))
        world.happen(.restart(.telegram))
        #expect(world.take().contains(.drain(.telegram, 1, by: .seconds(10), reason: .restart)))
        #expect(world.alive == [.telegram: 1])
        world.pass(.milliseconds(10_499))
        #expect(!world.take().contains(.kill(.telegram, 1)))
        world.pass(.milliseconds(2))
        #expect(world.take().contains(.kill(.telegram, 1)))
        world.die(.telegram)
        #expect(world.alive == [.telegram: 2])
        #expect(world.tree.status(of: .telegram)?.restarts == 0)
        #expect(world.tree.status(of: .telegram)?.lastDeath?.cause == .stopped)
    }

    @Test("a stop holds against the gateway and lasts until a person starts it")
    func stop() {
        var world = running(.init("channel:telegram:default"))
        world.happen(.stop(.telegram))
        world.happen(.start(.telegram, by: .gateway))
        world.die(.telegram, .clean)
        #expect(world.state(.telegram) == .stopped)
        world.happen(.start(.telegram, by: .gateway))
        #expect(world.state(.telegram) == .stopped)
        world.happen(.planned([.init("channel:telegram:default", revision: "2")]))
        #expect(world.state(.telegram) == .stopped)
        world.happen(.start(.telegram, by: .person))
        #expect(world.alive == [.telegram: 2])
    }

    @Test("a fatal configuration parks until the revision changes or a person starts it")
    func fatal() {
        var world = running(.init("channel:telegram:default"))
        world.happen(.fatal(.telegram, 1, reason: "401 Unauthorized: the bot token is wrong"))
        world.die(.telegram, CauseOfDeath(cause: .exit, isOwnDoing: false, text: "exit 78", exitCode: 78))
        #expect(world.state(.telegram) == .parked)
        #expect(world.tree.status(of: .telegram)?.lastDeath?.cause == .fatal)
        #expect(world.tree.status(of: .telegram)?.text == "401 Unauthorized: the bot token is wrong")
        world.pass(.seconds(86_400))
        world.happen(.planned([.init("channel:telegram:default")]))
        world.happen(.start(.telegram, by: .gateway))
        #expect(world.state(.telegram) == .parked)
        world.happen(.planned([.init("channel:telegram:default", revision: "2")]))
        #expect(world.alive == [.telegram: 2])
        world.happen(.fatal(.telegram, 2, reason: "again"))
        world.die(.telegram)
        world.happen(.reset(.telegram))
        #expect(world.alive == [.telegram: 3])
    }

    @Test("a new plan restarts exactly what changed, adds what is new and removes what is gone")
    func reconcile() {
        var world = running(
            .init("gateway"),
            .init("agent:main"),
            .init("channel:telegram:default"),
            .init("sidecar:ngrok")
        )
        world.happen(
            .planned([
                .init("gateway"), .init("agent:main", revision: "2"), .init("channel:telegram:default"),
                .init("model:anthropic"),
            ])
        )
        let effects = world.take()
        #expect(effects.contains(.drain(.agent, 1, by: .seconds(10), reason: .restart)))
        #expect(effects.contains(.drain(.ngrok, 1, by: .seconds(10), reason: .stop)))
        #expect(effects.contains(.spawn(.model, 1)))
        #expect(effects.filter { if case .drain = $0 { true } else { false } }.count == 2)
        world.die(.agent, .clean)
        world.die(.ngrok, .clean)
        #expect(world.alive == [.gateway: 1, .agent: 2, .telegram: 1, .model: 1])
        #expect(world.tree.status(of: .ngrok) == nil)
        #expect(world.take().contains(.gone(.ngrok)))
        world.happen(
            .planned([
                .init("gateway"), .init("agent:main", revision: "2"), .init("channel:telegram:default"),
                .init("model:anthropic"), .init("sidecar:ngrok"),
            ])
        )
        #expect((world.alive[.ngrok] ?? 0) > 1, "incarnations grow over removal")
    }

    @Test("a worker that comes back into the plan while it is on its way out starts again after it")
    func removedAndBack() {
        var world = running(.init("agent:main"))
        world.happen(.planned([]))
        world.happen(.planned([.init("agent:main")]))
        #expect(world.alive == [.agent: 1])
        world.die(.agent, .clean)
        #expect(world.alive == [.agent: 2])
    }

    @Test("events of an earlier incarnation touch nothing")
    func late() {
        var world = running(.init("agent:main"))
        world.die(.agent)
        world.ready(.agent)
        let before = world.tree.status(of: .agent)
        _ = world.take()
        for event: SupervisorEvent in [
            .exited(.agent, 1, .segfault), .fatal(.agent, 1, reason: "late"), .leave(.agent, 1),
            .ready(.agent, 1), .status(.agent, 1, text: "late"), .memory(.agent, 1, usedKB: 1, peakKB: 1),
            .lifelineBroken(.agent, 1, text: "late"), .spawnFailed(.agent, 1, text: "late"),
            .spawned(.agent, 1, pid: 1),
        ] {
            world.happen(event)
        }
        #expect(world.take().isEmpty)
        #expect(world.tree.status(of: .agent) == before)
    }

    @Test("an unconfirmed death is told to every gateway, in order, and the ledger stays within its bound")
    func ledger() {
        var ledger = ExitLedger()
        ledger.record(.agent, 1, .segfault)
        ledger.record(.model, 1, .plainKill)
        #expect(ledger.next()?.id == .agent)
        #expect(ledger.next()?.id == .model)
        #expect(ledger.next() == nil)
        ledger.forgetTelling()
        ledger.confirm(.agent, 1)
        ledger.confirm(.agent, 9)
        #expect(ledger.next()?.id == .model)
        for incarnation in UInt64(2)...1000 {
            ledger.record(.model, incarnation, incarnation == 2 ? .segfault : .clean)
        }
        #expect(ledger.count == ExitLedger.limit)
        var told: [ExitLedger.Entry] = []
        while let entry = ledger.next() { told.append(entry) }
        #expect(told.last?.incarnation == 1000)
        #expect(told.first?.death.isOwnDoing == true, "folding keeps whose doing it was")
    }
}
