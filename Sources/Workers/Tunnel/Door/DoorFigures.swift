internal import Synchronization

/// What came through the door, by route.
final class DoorFigures: Sendable {
    struct Route: Sendable, Equatable {
        var requests: UInt64 = 0
        /// Answered with 502 or 503: nobody listens there, or it did not answer.
        var unanswered: UInt64 = 0
        /// Milliseconds since 1970; 0: never.
        var lastAt: Int64 = 0
        var lastStatus: UInt = 0
    }

    private struct State {
        var routes: [Route]
        var refused: UInt64 = 0
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(routes: Array(repeating: Route(), count: count))) }

    func answered(_ index: Int, status: UInt, at now: Int64) {
        state.withLock { state in
            guard state.routes.indices.contains(index) else { return }
            state.routes[index].requests &+= 1
            if status == 502 || status == 503 { state.routes[index].unanswered &+= 1 }
            state.routes[index].lastAt = now
            state.routes[index].lastStatus = status
        }
    }

    /// A request for what is not listed.
    func refused() { state.withLock { $0.refused &+= 1 } }

    var routes: [Route] { state.withLock(\.routes) }
    var refusals: UInt64 { state.withLock(\.refused) }
}
