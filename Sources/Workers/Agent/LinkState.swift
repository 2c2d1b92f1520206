internal import Synchronization

/// What is known of the control link: told by the link's HELLO and WELCOME, asked by turns whose stream broke.
final class LinkState: LinkWatch {
    private let state = Mutex(State())

    private struct State {
        var isStanding = false
        var welcomes = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var next: UInt64 = 0
    }

    var welcomes: Int { state.withLock { $0.welcomes } }

    /// The link is being dialled: the old one is gone.
    func dialling() { wake { $0.isStanding = false } }

    /// The gateway said WELCOME.
    func welcomed() {
        wake { state in
            state.isStanding = true
            state.welcomes += 1
        }
    }

    func isLost(since welcomes: Int, within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while true {
            let isLost = state.withLock { !$0.isStanding || $0.welcomes != welcomes }
            if isLost { return true }
            let left = deadline - ContinuousClock.now
            guard left > .zero, !Task.isCancelled else { return false }
            await change(within: left)
        }
    }

    func stands() async throws {
        while !state.withLock({ $0.isStanding }) {
            try Task.checkCancellation()
            await change(within: .seconds(3600))
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Returns when something changed, when `limit` is over, or when the task is cancelled.
    private func change(within limit: Duration) async {
        let id = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        // Begins behind the waiting: one that is over before would wake nobody.
        let timer = Mutex<Task<Void, Never>?>(nil)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiting[id] = continuation }
                if Task.isCancelled { return resume(id) }
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
    }

    private func resume(_ id: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
