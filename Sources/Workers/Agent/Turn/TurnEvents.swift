internal import IPCHub
internal import Synchronization

/// What clients see of a running turn: its text as it grows, its tool calls.
///
/// Text is sent at once when nothing was sent lately and gathered otherwise. After a lost link the whole text so far is
/// sent again with `replace`, so nothing of what a dead gateway took has to be remembered.
final class TurnEvents: Sendable {
    private let turnID: String
    private let send: @Sendable (HubMessage) async -> Bool
    private let interval: Duration
    private let state = Mutex(State())

    private struct State {
        var text = ""
        /// How much of `text` has been sent, in bytes.
        var sent = 0
        var replace = false
        var queue: [HubTurnEvent] = []
        var seq: UInt64 = 0
        var isSending = false
        var isTimerSet = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var lastSent: ContinuousClock.Instant?

        mutating func number(_ event: HubTurnEvent) -> HubTurnEvent {
            var numbered = event
            seq += 1
            numbered.seq = seq
            return numbered
        }
    }

    init(turnID: String, interval: Duration, send: @escaping @Sendable (HubMessage) async -> Bool) {
        self.turnID = turnID
        self.interval = interval
        self.send = send
    }

    /// The whole text so far.
    var text: String { state.withLock { $0.text } }

    func started() async {
        var event = HubTurnEvent()
        event.turnID = turnID
        event.started = true
        state.withLock { [event] in $0.queue.append(event) }
        await pump()
    }

    func append(_ text: String) async {
        let wait = state.withLock { state -> Duration? in
            state.text += text
            guard let last = state.lastSent else { return .zero }
            let left = interval - (ContinuousClock.now - last)
            guard left > .zero else { return .zero }
            if state.isTimerSet { return nil }
            state.isTimerSet = true
            return left
        }
        guard let wait else { return }
        if wait == .zero { return await pump() }
        // Ends by itself after `interval`.
        Task {
            try? await Task.sleep(for: wait)  // never cancelled
            self.state.withLock { $0.isTimerSet = false }
            await self.pump()
        }
    }

    /// The text begins anew with `text`.
    func reset(to text: String) async {
        state.withLock { state in
            guard state.text != text else { return }
            state.text = text
            state.replace = true
        }
        await pump()
    }

    func tool(started call: HubToolCall) async {
        var event = HubTurnEvent()
        event.toolStarted = call
        await enqueue(event)
    }

    func tool(finished call: HubToolCall) async {
        var event = HubTurnEvent()
        event.toolFinished = call
        await enqueue(event)
    }

    /// The link is back: what was sent before counts for nothing.
    func welcomed() async {
        state.withLock { state in
            state.replace = true
            state.queue = []
        }
        await pump()
    }

    /// Returns when all there is has been handed to the link, or there is none.
    func flush() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isSending { state.waiting.append(continuation) }
                return !state.isSending
            }
            if isIdle { continuation.resume() }
        }
        await pump()
    }

    private func enqueue(_ event: HubTurnEvent) async {
        var event = event
        event.turnID = turnID
        state.withLock { [event] state in
            if let text = self.unsentText(&state) { state.queue.append(text) }
            state.queue.append(event)
        }
        await pump()
    }

    /// Sends what there is, one sender at a time.
    private func pump() async {
        guard
            state.withLock({ state in
                defer { state.isSending = true }
                return !state.isSending
            })
        else { return }
        var isStanding = true
        while isStanding {
            let event = state.withLock { state -> HubTurnEvent? in
                guard let next = next(&state) else {
                    // In the same breath, so that text which comes now finds nobody sending.
                    state.isSending = false
                    return nil
                }
                state.lastSent = .now
                return state.number(next)
            }
            guard let event else { break }
            isStanding = await send(.turnEvent(event))
        }
        let waiting = state.withLock { [isStanding] state in
            // Without a link all waits for `welcomed`, which sends the whole text.
            if !isStanding { state.isSending = false }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func next(_ state: inout State) -> HubTurnEvent? {
        if !state.queue.isEmpty { return state.queue.removeFirst() }
        return unsentText(&state)
    }

    private func unsentText(_ state: inout State) -> HubTurnEvent? {
        var event = HubTurnEvent()
        event.turnID = turnID
        if state.replace {
            event.text = state.text
            event.replace = true
        } else {
            guard state.sent < state.text.utf8.count else { return nil }
            event.text = String(decoding: state.text.utf8.dropFirst(state.sent), as: UTF8.self)
        }
        state.sent = state.text.utf8.count
        state.replace = false
        return event
    }
}
