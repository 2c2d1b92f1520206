/// A bound on how long something may take.
enum TimeLimit {
    struct Exceeded: Error {}

    /// Runs `body`, cancels it after `limit` and throws `Exceeded` once it has ended. `body` must heed its cancellation.
    static func run<Result: Sendable>(
        _ limit: Duration,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else { throw Exceeded() }
            return result
        }
    }
}
