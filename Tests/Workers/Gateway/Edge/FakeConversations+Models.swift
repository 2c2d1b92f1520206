import Synchronization

@testable import Gateway
@testable import Journal

extension FakeConversations {
    func ledgerSums(from first: String, through last: String) async throws(ConversationError) -> [LedgerSum] {
        let (error, sums) = state.withLock { ($0.error, $0.sums) }
        if let error { throw error }
        return sums.filter { $0.day >= first && $0.day <= last }
    }

    func ledgerEntries(limit: Int) async throws(ConversationError) -> [LedgerEntry] { [] }

    func call(_ id: String) async throws(ConversationError) -> KeptCall? {
        state.withLock { $0.calls.first { $0.callID == id } }
    }

    func calls(after rev: Int64?, limit: Int) async throws(ConversationError) -> [KeptCall] {
        state.withLock { Array($0.calls.filter { $0.rev > rev ?? -1 }.prefix(limit)) }
    }

    func tunnels() async -> [TunnelFacts] { [] }

    func keptModelStates() async throws(ConversationError) -> [KeptModelState] {
        let (error, kept) = state.withLock { ($0.error, $0.kept) }
        if let error { throw error }
        return kept
    }
}
