package import Journal

extension DeliveryEngine {
    package func ledgerSums(from first: String, through last: String) async throws(ConversationError) -> [LedgerSum] {
        try await read { journal throws(JournalError) in try journal.ledgerSums(from: first, through: last) }
    }

    package func ledgerEntries(limit: Int) async throws(ConversationError) -> [LedgerEntry] {
        try await read { journal throws(JournalError) in try journal.ledgerEntries(limit: limit) }
    }

    package func keptModelStates() async throws(ConversationError) -> [KeptModelState] {
        try await read { journal throws(JournalError) in try journal.keptModelStates() }
    }
}
