internal import IPCControl
internal import Journal
internal import Synchronization

/// What stands behind the edge in safe mode: the worker table as the supervisor tells it, and a sentence for everything else.
///
/// EXIT is not confirmed: the next gateway, with a journal, is told again.
final class SafeConversations: Conversations {
    private let reason: String
    private let state = Mutex(State())

    private struct State {
        var rows: [String: WorkerRow] = [:]
        var handlers: [Int: @Sendable (ConversationEvent) -> Void] = [:]
        var lastHandler = 0
    }

    static let sentence =
        "Clawhold is in safe mode and answers nothing: its gateway kept dying right after its start. On its machine: "
        + "clawhold logs gateway, then clawhold restart gateway."

    init(reason: String) {
        self.reason = reason
    }

    /// A block of the supervisor.
    func take(_ block: Block) {
        let handlers = state.withLock { state -> [@Sendable (ConversationEvent) -> Void] in
            switch LifelineWords.event(of: block) {
            case .row(let row): state.rows[row.id] = row
            case .gone(let id): state.rows[id] = nil
            default: return []
            }
            return Array(state.handlers.values)
        }
        for handler in handlers { handler(.workersChanged) }
    }

    func send(_ message: ChatSend) async -> ChatSendOutcome { .refused(Self.sentence) }

    func abort(sessionKey: String, runID: String?, reason: String) async throws(ConversationError) -> [String] {
        throw .unavailable(Self.sentence)
    }

    func history(sessionKey: String, limit: Int) async throws(ConversationError) -> [UInt8] {
        throw .unavailable(Self.sentence)
    }

    func sessions(params: [UInt8]) async throws(ConversationError) -> [UInt8] {
        throw .unavailable(Self.sentence)
    }

    func queue(_ filter: QueueFilter) async throws(ConversationError) -> QueueList {
        throw .unavailable(Self.sentence)
    }

    func queueDetail(_ id: QueueID) async throws(ConversationError) -> QueueDetail {
        throw .unavailable(Self.sentence)
    }

    func order(_ order: QueueOrder, _ id: QueueID) async throws(ConversationError) -> QueueItem {
        throw .unavailable(Self.sentence)
    }

    func notify(channel: String, _ notice: NewNotice, origin: String) async {}

    func pairingRequests(channel: String?) async throws(ConversationError) -> [PendingPairing] {
        throw .unavailable(Self.sentence)
    }

    func approvePairing(
        channel: String,
        code: String,
        notify: Bool
    ) async throws(ConversationError) -> PairingApproval? {
        throw .unavailable(Self.sentence)
    }

    func why(channel: String?, account: String?, limit: Int) async throws(ConversationError) -> WhyReport {
        throw .unavailable(Self.sentence)
    }

    func ledgerSums(from first: String, through last: String) async throws(ConversationError) -> [LedgerSum] {
        throw .unavailable(Self.sentence)
    }

    func ledgerEntries(limit: Int) async throws(ConversationError) -> [LedgerEntry] {
        throw .unavailable(Self.sentence)
    }

    func keptModelStates() async throws(ConversationError) -> [KeptModelState] { throw .unavailable(Self.sentence) }

    func subscribe(_ handler: @escaping @Sendable (ConversationEvent) -> Void) -> any ConversationSubscription {
        let number = state.withLock { state in
            state.lastHandler += 1
            state.handlers[state.lastHandler] = handler
            return state.lastHandler
        }
        return Subscription(engine: self, number: number)
    }

    private struct Subscription: ConversationSubscription {
        let engine: SafeConversations
        let number: Int

        func cancel() { engine.state.withLock { $0.handlers[number] = nil } }
    }

    func channels(_ ids: [String], ignoredSince: Int64) async -> [String: ChannelFacts] { [:] }

    func ask(
        worker: String,
        method: String,
        params: [UInt8],
        milliseconds: Int64
    ) async throws(ConversationError) -> [UInt8] {
        throw .unavailable(Self.sentence)
    }

    func tunnels() async -> [TunnelFacts] { [] }

    func call(_ id: String) async throws(ConversationError) -> KeptCall? { throw .unavailable(Self.sentence) }

    func calls(after rev: Int64?, limit: Int) async throws(ConversationError) -> [KeptCall] {
        throw .unavailable(Self.sentence)
    }

    func workers() async -> [WorkerRow] {
        state.withLock { Array($0.rows.values) }.sorted { $0.id < $1.id }
    }

    func deliveryStatus() async -> DeliveryStatus {
        var status = DeliveryStatus()
        status.safeMode = reason
        return status
    }
}
