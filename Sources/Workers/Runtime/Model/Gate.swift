internal import NIOCore
internal import Synchronization

/// A door that opens once, for many to wait at.
final class Gate: Sendable {
    private let waiters: Waiters
    private let state = Mutex(false)

    init(on loop: any EventLoop) { waiters = Waiters(on: loop) }

    var isOpen: Bool { state.withLock { $0 } }

    func open() {
        state.withLock { $0 = true }
        waiters.wake()
    }

    /// Whether it opened within `limit`; false as well when the task is cancelled before.
    func opens(within limit: Duration) async -> Bool {
        if isOpen { return true }
        await waiters.wait(within: limit) { isOpen }
        return isOpen
    }
}
