package import NIOCore

/// A bound on how long something may take.
///
/// The timer is the event loop's, which lets go of it when it is cancelled. `Task.sleep` keeps a task of its own until its
/// time is over, however early it was cancelled (github.com/swiftlang/swift/issues/60441): a worker that answers a hundred
/// messages a second, half a minute of patience for each, would hold three thousand of them.
package enum TimeLimit {
    package struct Exceeded: Error {
        package init() {}
    }

    /// Runs `body`, cancels it after `limit` and throws `Exceeded` once it has ended. `body` must heed its cancellation.
    package static func run<Result: Sendable>(
        _ limit: Duration,
        on loop: any EventLoop,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let timer = loop.scheduleTask(in: TimeAmount(limit)) {}
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            defer {
                timer.cancel()
                group.cancelAll()
            }
            group.addTask { try await body() }
            group.addTask {
                try await timer.futureResult.get()
                return nil
            }
            guard let first = try await group.next(), let result = first else { throw Exceeded() }
            return result
        }
    }
}
