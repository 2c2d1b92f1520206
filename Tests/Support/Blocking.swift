import Dispatch

/// Runs something that blocks on a thread of its own.
///
/// Never on `DispatchQueue.global()`: its threads are as many as processors, Swift's tasks run on them too, and for one that
/// blocks libdispatch makes another only when it looks, once a second. Two processes that a test reads from took both of a
/// small machine's, and the next thing a test did began seconds later: with a stopped gateway, after the watchdog.
package func onThread(_ body: @escaping @Sendable () -> Void) {
    // A queue of its own has a thread as soon as it has work (its target is the overcommitting root queue).
    DispatchQueue(label: "blocking").async(execute: body)
}

/// Runs something that blocks away from the threads that tests share.
package func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        onThread { continuation.resume(with: Swift.Result(catching: body)) }
    }
}
