package import NIOCore
internal import Synchronization

/// Those who wait for something to change, each for a limited time.
///
/// The timers are the event loop's, for the reason that `TimeLimit` gives.
package final class Waiters: Sendable {
    private let loop: any EventLoop
    private let state = Mutex(State())

    private struct State {
        var next: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    package init(on loop: any EventLoop) { self.loop = loop }

    /// Wakes all who wait now.
    package func wake() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Returns when `wake` was called, when `limit` is over, when the task is cancelled, or at once when `isOver`: that is
    /// looked at behind the beginning of the waiting, so that no change is missed that is made before its `wake`.
    package func wait(within limit: Duration, unless isOver: () -> Bool) async {
        let id = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        var timer: Scheduled<Void>?
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiting[id] = continuation }
                // A cancellation before this found nobody to wake, and a timer that is over before would not either.
                guard !Task.isCancelled, !isOver() else { return resume(id) }
                timer = loop.scheduleTask(in: TimeAmount(limit)) { self.resume(id) }
            }
        } onCancel: {
            resume(id)
        }
        timer?.cancel()
    }

    private func resume(_ id: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
