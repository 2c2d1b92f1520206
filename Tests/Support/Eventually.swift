/// Returns once `condition` holds, looked at every 5 ms.
/// - Throws: ``NotWithin`` after `limit`.
package func eventually(within limit: Duration = .seconds(10), _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NotWithin(limit: limit) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// What was waited for did not come.
package struct NotWithin: Error {
    let limit: Duration
}
