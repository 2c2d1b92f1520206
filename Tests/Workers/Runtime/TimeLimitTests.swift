import NIOPosix
import Testing

@testable import Runtime

@Suite("A bound on time", .timeLimit(.minutes(1)), .serialized)
struct TimeLimitTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("what ends in time gives its result or its error, what does not is cancelled")
    func ends() async throws {
        struct Own: Error {}
        #expect(try await TimeLimit.run(.seconds(600), on: loop) { 7 } == 7)
        await #expect(throws: Own.self) { try await TimeLimit.run(.seconds(600), on: loop) { throw Own() } }
        await #expect(throws: TimeLimit.Exceeded.self) {
            try await TimeLimit.run(.milliseconds(1), on: loop) { try await Task.sleep(for: .seconds(600)) }
        }
        let waiting = Task { [loop] in
            try await TimeLimit.run(.seconds(600), on: loop) { try await Task.sleep(for: .seconds(600)) }
        }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test("a limit that was not reached leaves nothing behind until it would have been")
    func memory() async throws {
        func run(_ count: Int) async throws {
            for _ in 0..<count { try await TimeLimit.run(.seconds(600), on: loop) {} }
        }
        try await run(1000)
        let before = try #require(OwnMemory.proportionalKB())
        try await run(30_000)
        // Those of `Task.sleep` would all be there still.
        #expect(try #require(OwnMemory.proportionalKB()) - before < 6000)
    }
}
