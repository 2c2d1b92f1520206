import IPCControl
import Testing

@testable import Supervisor

@Suite("A worker's row")
struct RowTests {
    @Test("what a worker says of itself and what it died of are told apart")
    func textAndDeath() throws {
        var world = TreeWorld()
        world.happen(.planned([.init("channel:telegram:default")]))
        world.ready(.telegram)
        world.happen(.status(.telegram, 1, text: "@clawhold_bot"))
        var row = try #require(world.tree.status(of: .telegram))
        #expect(row.text == "@clawhold_bot" && row.lastDeath == nil && row.diedAt == nil)
        world.pass(.seconds(3))
        world.die(.telegram)
        world.ready(.telegram)
        row = try #require(world.tree.status(of: .telegram))
        #expect(row.text == "", "the next incarnation has said nothing yet")
        #expect(row.lastDeath == .plainKill && row.diedAt == world.now)
        world.happen(.status(.telegram, 2, text: "@clawhold_bot"))
        let block = Block.row(try #require(world.tree.status(of: .telegram))) { $0.nanoseconds / 1_000_000 }
        #expect(block["TEXT"] == "@clawhold_bot" && block["DEATH"] == "killed by SIGKILL" && block["CAUSE"] == "signal")
        #expect(block["DIED_MS"] == "4000" && block["NEXT_MS"] == nil)
    }

    @Test("back-off and quarantine say when the next try is due; nothing else does")
    func nextTry() throws {
        var world = TreeWorld()
        world.happen(.planned([.init("agent:main")]))
        for _ in 0..<4 {
            world.die(.agent)
            let row = try #require(world.tree.status(of: .agent))
            #expect(row.state == .backoff)
            let next = try #require(row.nextTry)
            #expect(next > world.now && world.tree.nextDeadline == next)
            world.pass(next - world.now)
            #expect(world.state(.agent) == .starting && world.tree.status(of: .agent)?.nextTry == nil)
        }
        world.die(.agent)
        #expect(world.state(.agent) == .quarantined)
        #expect(world.tree.status(of: .agent)?.nextTry == world.now + PolicyTiming.probeInterval)
        world.happen(.stop(.agent))
        #expect(world.tree.status(of: .agent)?.nextTry == nil)
    }
}
