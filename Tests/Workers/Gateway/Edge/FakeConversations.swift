internal import Journal
import Synchronization

@testable internal import Gateway

/// An engine in memory: keeps what it was asked, answers as told, and lets a test emit events.
final class FakeConversations: Conversations {
    /// What was asked of the queue.
    let filters = Mutex<[QueueFilter]>([])
    let orders = Mutex<[QueueOrder]>([])
    struct State {
        var sent: [ChatSend] = []
        var aborted: [String] = []
        var outcome = ChatSendOutcome.started
        var runs: [String] = []
        var rows: [WorkerRow] = []
        var delivery = DeliveryStatus()
        var channels: [String: ChannelFacts] = [:]
        /// Questions to workers, and what each worker answers.
        var asked: [String] = []
        var answers: [String: String] = [:]
        /// The same by worker and method, the first of them first; the last one stays.
        var answersByMethod: [String: [String]] = [:]
        /// Calls as the journal has them.
        var calls: [KeptCall] = []
        var history = #"{"sessionKey":"main","messages":[]}"#
        var sessions = #"{"ts":1,"path":"/s","count":0,"defaults":{},"sessions":[]}"#
        /// The ledger, and what the model workers had kept.
        var sums: [LedgerSum] = []
        var kept: [KeptModelState] = []
        var error: ConversationError?
        var handlers: [Int: @Sendable (ConversationEvent) -> Void] = [:]
        /// Called inside `send`, before it returns.
        var onSend: (@Sendable (FakeConversations, ChatSend) -> Void)?
        /// `send` waits for each of these, in order, one per call.
        var gates: [AsyncStream<Void>] = []
    }

    let state = Mutex(State())

    struct Subscription: ConversationSubscription {
        let owner: FakeConversations
        let number: Int
        func cancel() { owner.state.withLock { $0.handlers[number] = nil } }
    }

    func emit(_ event: ConversationEvent) {
        for handler in state.withLock({ Array($0.handlers.values) }) { handler(event) }
    }

    func send(_ message: ChatSend) async -> ChatSendOutcome {
        let (hook, gate) = state.withLock { state in
            (state.onSend, state.gates.isEmpty ? nil : state.gates.removeFirst())
        }
        if let gate { for await _ in gate {} }
        state.withLock { $0.sent.append(message) }
        hook?(self, message)
        return state.withLock { $0.outcome }
    }

    func abort(sessionKey: String, runID: String?, reason: String) async throws(ConversationError) -> [String] {
        let (error, runs) = state.withLock { state in
            state.aborted.append("\(sessionKey) \(runID ?? "*") \(reason)")
            return (state.error, state.runs)
        }
        if let error { throw error }
        return runs
    }

    func history(sessionKey: String, limit: Int) async throws(ConversationError) -> [UInt8] {
        let (error, text) = state.withLock { ($0.error, $0.history) }
        if let error { throw error }
        return Array(text.utf8)
    }

    func sessions(params: [UInt8]) async throws(ConversationError) -> [UInt8] {
        let (error, text) = state.withLock { ($0.error, $0.sessions) }
        if let error { throw error }
        return Array(text.utf8)
    }

    func subscribe(_ handler: @escaping @Sendable (ConversationEvent) -> Void) -> any ConversationSubscription {
        let number = state.withLock { state in
            let number = state.handlers.count
            state.handlers[number] = handler
            return number
        }
        return Subscription(owner: self, number: number)
    }

    func channels(_ ids: [String], ignoredSince: Int64) async -> [String: ChannelFacts] {
        state.withLock { $0.channels }
    }

    func ask(
        worker: String,
        method: String,
        params: [UInt8],
        milliseconds: Int64
    ) async throws(ConversationError) -> [UInt8] {
        let answer = state.withLock { state in
            state.asked.append("\(worker) \(method) \(String(decoding: params, as: UTF8.self)) \(milliseconds)")
            let name = "\(worker) \(method)"
            guard let list = state.answersByMethod[name], let first = list.first else { return state.answers[worker] }
            if list.count > 1 { state.answersByMethod[name]?.removeFirst() }
            return first
        }
        guard let answer else { throw .unavailable("\(worker) did not answer in time") }
        return Array(answer.utf8)
    }

    func workers() async -> [WorkerRow] { state.withLock { $0.rows } }

    func deliveryStatus() async -> DeliveryStatus { state.withLock { $0.delivery } }
}
