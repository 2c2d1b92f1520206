internal import Synchronization

/// A door that opens once, for many to wait at.
final class Gate: Sendable {
    private let state = Mutex(State())

    private struct State {
        var isOpen = false
        var next: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Whether it opened within `limit`; false as well when the task is cancelled before.
    func opens(within limit: Duration) async -> Bool {
        if isOpen { return true }
        let id = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        // Begins behind the waiting: one that is over before would wake nobody, and nobody would ever wake who waits.
        let timer = Mutex<Task<Void, Never>?>(nil)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !state.isOpen, !Task.isCancelled else { return true }
                    state.waiting[id] = continuation
                    return false
                }
                guard !isOver else { return continuation.resume() }
                let limited = Task {  // cancelled below
                    try? await Task.sleep(for: limit)  // cancelled: the waiting has ended
                    self.resume(id)
                }
                timer.withLock { $0 = limited }
            }
        } onCancel: {
            resume(id)
        }
        timer.withLock { $0 }?.cancel()
        return isOpen
    }

    private func resume(_ id: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
