import Dispatch
import Synchronization

/// What went wrong in a system test, in words.
struct TestFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Where waiting ends that was in vain: not where the tests' tasks run, which may all be busy.
private let deadlines = DispatchQueue(label: "deadlines")

/// Things that arrive on some thread, and tests that wait for one of them with a deadline.
final class Mailbox<Item: Sendable>: Sendable {
    private struct Waiter: Sendable {
        var matches: @Sendable (Item) -> Bool
        var continuation: CheckedContinuation<Item?, Never>
    }

    private struct State: Sendable {
        var items: [Item] = []
        var waiters: [Int: Waiter] = [:]
        var lastWaiter = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    var items: [Item] { state.withLock { $0.items } }

    func append(_ item: Item) {
        let ready = state.withLock { state in
            state.items.append(item)
            let ready = state.waiters.filter { $0.value.matches(item) }
            for key in ready.keys { state.waiters[key] = nil }
            return ready.values.map(\.continuation)
        }
        for continuation in ready { continuation.resume(returning: item) }
    }

    /// Nothing comes any more: who waits is told.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.continuation)
        }
        for continuation in waiting { continuation.resume(returning: nil) }
    }

    /// The first item from index `start` on that matches; waits for it. Nil when it does not come.
    func first(
        from start: Int = 0,
        within seconds: Double = 10,
        where matches: @escaping @Sendable (Item) -> Bool
    ) async -> Item? {
        await withCheckedContinuation { continuation in
            let (found, key) = state.withLock { state -> (Item??, Int) in
                if let item = state.items.dropFirst(start).first(where: matches) { return (.some(item), 0) }
                if state.isClosed { return (.some(nil), 0) }
                state.lastWaiter += 1
                state.waiters[state.lastWaiter] = Waiter(matches: matches, continuation: continuation)
                return (nil, state.lastWaiter)
            }
            if let found {
                continuation.resume(returning: found)
                return
            }
            deadlines.asyncAfter(deadline: .now() + seconds) {
                let late = self.state.withLock { $0.waiters.removeValue(forKey: key) }
                late?.continuation.resume(returning: nil)
            }
        }
    }
}
