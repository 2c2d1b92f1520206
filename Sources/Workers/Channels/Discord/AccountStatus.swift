internal import IPCHub
internal import Runtime
internal import Synchronization

/// How this account is, as the operator sees it: changed from anywhere, published in order by one task.
final class AccountStatus: Sendable {
    private let state = Mutex(State())
    private let (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    private struct State {
        var status = HubChannelStatus()
        /// Told once each, oldest first; of too many the last ones count.
        var gaps: [String] = []
        var published: HubChannelStatus?
    }

    private static let gapLimit = 16

    init() {
        state.withLock { $0.status.mode = "gateway" }
    }

    func update(_ change: (inout HubChannelStatus) -> Void) {
        state.withLock { change(&$0.status) }
        changed.yield()
    }

    /// A stretch of messages was lost; told once.
    func gap(_ words: String) {
        state.withLock { state in
            state.gaps.append(words)
            if state.gaps.count > Self.gapLimit { state.gaps.removeFirst() }
        }
        changed.yield()
    }

    var current: HubChannelStatus { state.withLock { $0.status } }

    /// Publishes until cancelled.
    func publish(to intake: ChannelIntake) async {
        for await _ in changes {
            while let next = next() { await intake.status(next) }
        }
    }

    private func next() -> HubChannelStatus? {
        state.withLock { state in
            var status = state.status
            guard status != state.published || !state.gaps.isEmpty else { return nil }
            state.published = status
            if !state.gaps.isEmpty { status.gap = state.gaps.removeFirst() }
            return status
        }
    }
}
