internal import Synchronization

/// What waits for the journal, in order: filled by the connection, emptied by one task. Bounded; what does not fit is left
/// with Discord, which sends it again after a RESUME.
final class EventQueue: Sendable {
    enum Item: Sendable {
        /// A dispatch to be journaled: its kind, its bytes, its number, and the session that numbers it.
        case event(type: String, bytes: [UInt8], seq: Int64, session: String)
        /// Dispatches up to here need no journal.
        case pass(seq: Int64)
        /// READY came.
        case session(GatewayPlan.Session, bot: BotIdentity)
        /// The connection is alive though nothing is said.
        case alive
    }

    private struct State {
        var items: [Item] = []
        var bytes = 0
        var isOverflown = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// False when there is no room; the connection then has to be given up, and `take` says when there is room again.
    func add(_ item: Item) -> Bool {
        let (isTaken, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            switch item {
            case .event(_, let bytes, _, _):
                guard state.items.count < DiscordLimits.queuedEvents,
                    state.items.isEmpty || state.bytes + bytes.count <= DiscordLimits.queuedBytes
                else {
                    state.isOverflown = true
                    return (false, nil)
                }
                state.bytes += bytes.count
                state.items.append(item)
            case .pass:
                // Only the last number of a row of them counts.
                if case .pass? = state.items.last { state.items.removeLast() }
                state.items.append(item)
            case .alive:
                guard state.items.isEmpty else { return (true, nil) }
                state.items.append(item)
            case .session:
                guard state.items.count < DiscordLimits.queuedEvents else {
                    state.isOverflown = true
                    return (false, nil)
                }
                state.items.append(item)
            }
            defer { state.waiter = nil }
            return (true, state.waiter)
        }
        waiter?.resume()
        return isTaken
    }

    /// The next items, at least one: up to 50 and as many as fit into 4 MiB. `hadOverflown` is true once there is room
    /// after a refusal. Empty when the task was cancelled. For one task.
    func take() async -> (items: [Item], hadOverflown: Bool) {
        while !Task.isCancelled {
            if let batch = batch() { return batch }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if !state.items.isEmpty || Task.isCancelled { return true }
                        state.waiter = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                let waiter = state.withLock { state in
                    defer { state.waiter = nil }
                    return state.waiter
                }
                waiter?.resume()
            }
        }
        return ([], false)
    }

    private func batch() -> (items: [Item], hadOverflown: Bool)? {
        state.withLock { state in
            guard !state.items.isEmpty else { return nil }
            var count = 0
            var size = 0
            for item in state.items.prefix(50) {
                var own = 0
                if case .event(_, let bytes, _, _) = item { own = bytes.count }
                if count > 0, size + own > 4 << 20 { break }
                size += own
                count += 1
            }
            let taken = Array(state.items.prefix(count))
            state.items.removeFirst(count)
            state.bytes -= size
            var hadOverflown = false
            if state.isOverflown, state.items.count <= DiscordLimits.queuedEvents / 2 {
                state.isOverflown = false
                hadOverflown = true
            }
            return (taken, hadOverflown)
        }
    }
}

/// Who the bot is.
struct BotIdentity: Equatable, Sendable {
    var id = ""
    var name = ""
    var application = ""
}
