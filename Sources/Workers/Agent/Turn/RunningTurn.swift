internal import IPCHub
internal import Synchronization

/// One turn while it runs: where the gateway's frames about it arrive, and what they wake.
final class RunningTurn: Sendable {
    let turn: HubTurn
    let began = ContinuousClock.now
    let events: TurnEvents
    private let send: @Sendable (HubMessage) async -> Bool
    private let state = Mutex(State())

    private struct State {
        var interruption: String?
        var cancel: (@Sendable () -> Void)?
        var question: Question?
    }

    /// A frame that the gateway acknowledges after its commit.
    private struct Question {
        var frame: HubMessage
        var callID: String
        var isOpening: Bool
        var continuation: CheckedContinuation<Bool, Never>
    }

    init(turn: HubTurn, textInterval: Duration, send: @escaping @Sendable (HubMessage) async -> Bool) {
        self.turn = turn
        self.send = send
        events = TurnEvents(turnID: turn.turnID, interval: textInterval, send: send)
    }

    /// Why the turn is to end, once it is.
    var interruption: String? { state.withLock { $0.interruption } }

    /// Ends what the turn is waiting for. The first reason counts.
    func interrupt(_ reason: String) {
        let (cancel, question) = state.withLock { state in
            if state.interruption == nil { state.interruption = reason.isEmpty ? "stop" : reason }
            defer {
                state.cancel = nil
                state.question = nil
            }
            return (state.cancel, state.question)
        }
        cancel?()
        question?.continuation.resume(returning: false)
    }

    /// Runs `body` in a task that an interruption cancels. Nil when the turn is interrupted already.
    func interruptible<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result?
    {
        let task = Task { try await body() }  // cancelled by `interrupt`, else awaited here
        let isInterrupted = state.withLock { state in
            if state.interruption == nil { state.cancel = { task.cancel() } }
            return state.interruption != nil
        }
        if isInterrupted { task.cancel() }
        defer { state.withLock { $0.cancel = nil } }
        let result = await task.result
        return isInterrupted ? nil : try result.get()
    }

    /// Sends TOOL_OPEN and waits for TOOL_OPENED. False when the turn is interrupted meanwhile.
    func open(_ call: HubToolCall) async -> Bool {
        await ask(.toolOpen(call), call.callID, isOpening: true)
    }

    /// Sends TOOL_CLOSE and waits for TOOL_CLOSED. False when the turn is interrupted meanwhile.
    func close(_ call: HubToolCall) async -> Bool {
        await ask(.toolClose(call), call.callID, isOpening: false)
    }

    private func ask(_ frame: HubMessage, _ callID: String, isOpening: Bool) async -> Bool {
        await withCheckedContinuation { continuation in
            let isInterrupted = state.withLock { state in
                guard state.interruption == nil else { return true }
                state.question = Question(
                    frame: frame,
                    callID: callID,
                    isOpening: isOpening,
                    continuation: continuation
                )
                return false
            }
            if isInterrupted { return continuation.resume(returning: false) }
            // Ends when the frame is written; a lost link sends it again in `welcomed`.
            Task { _ = await self.send(frame) }
        }
    }

    /// TOOL_OPENED or TOOL_CLOSED has come.
    func acknowledged(_ ack: HubToolAck, isOpening: Bool) {
        let question = state.withLock { state -> Question? in
            guard let question = state.question, question.callID == ack.callID, question.isOpening == isOpening else {
                return nil
            }
            state.question = nil
            return question
        }
        question?.continuation.resume(returning: true)
    }

    /// The link is back: says again what the old one may have lost.
    func welcomed() async {
        let frame = state.withLock { $0.question?.frame }
        await events.welcomed()
        if let frame { _ = await send(frame) }
    }
}
