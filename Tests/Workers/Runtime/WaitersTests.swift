import NIOPosix
import Synchronization
import Testing

@testable import Runtime

@Suite("Waiting for a change", .timeLimit(.minutes(1)), .serialized)
struct WaitersTests {
    private let waiters = Waiters(on: MultiThreadedEventLoopGroup.singleton.next())

    /// How many have begun to wait.
    private final class Begun: Sendable {
        private let count = Mutex(0)

        func one() { count.withLock { $0 += 1 } }

        func reaches(_ number: Int) async {
            while count.withLock({ $0 }) < number { await Task.yield() }
        }
    }

    @Test("what is so when the waiting has begun is not waited for; a change after it wakes all")
    func changes() async {
        await waiters.wait(within: .seconds(600)) { true }
        let begun = Begun()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    await waiters.wait(within: .seconds(600)) {
                        begun.one()
                        return false
                    }
                }
            }
            await begun.reaches(10)
            waiters.wake()
        }
    }

    @Test("a limit and a cancellation end the waiting, whenever they come")
    func ends() async {
        for _ in 0..<1000 { await waiters.wait(within: .zero) { false } }
        let begun = Begun()
        for isLate in [false, true] {
            let waiting = Task {
                await waiters.wait(within: .seconds(600)) {
                    begun.one()
                    return false
                }
            }
            if isLate { await begun.reaches(1) }
            waiting.cancel()
            await waiting.value
        }
    }

    @Test("a waiting that ended early leaves nothing behind until it would have ended")
    func memory() async throws {
        func run(_ count: Int) async {
            for _ in 0..<count {
                // Woken from within: the timer is set behind it and outlives the waiting, if nobody lets go of it.
                await waiters.wait(within: .seconds(600)) {
                    waiters.wake()
                    return false
                }
            }
        }
        await run(1000)
        let before = try #require(OwnMemory.proportionalKB())
        await run(30_000)
        // Those of `Task.sleep` would all be there still.
        #expect(try #require(OwnMemory.proportionalKB()) - before < 6000)
    }
}
