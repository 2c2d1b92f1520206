internal import NIOCore
internal import Runtime
internal import Synchronization

/// What is known of the control link: told by the link's HELLO and WELCOME, asked by turns whose stream broke.
final class LinkState: LinkWatch {
    private let waiters: Waiters
    private let state = Mutex(State())

    private struct State {
        var isStanding = false
        var welcomes = 0
    }

    init(on loop: any EventLoop) { waiters = Waiters(on: loop) }

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
        func isLost() -> Bool { state.withLock { !$0.isStanding || $0.welcomes != welcomes } }
        while !isLost() {
            let left = deadline - ContinuousClock.now
            guard left > .zero, !Task.isCancelled else { return false }
            await waiters.wait(within: left, unless: isLost)
        }
        return true
    }

    func stands() async throws {
        func isStanding() -> Bool { state.withLock { $0.isStanding } }
        while !isStanding() {
            try Task.checkCancellation()
            await waiters.wait(within: .seconds(3600), unless: isStanding)
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
        waiters.wake()
    }
}
