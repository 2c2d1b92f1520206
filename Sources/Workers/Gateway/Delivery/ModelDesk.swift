package import Journal

/// What the methods about models and their cost ask of the engine.
package protocol ModelDesk: Sendable {
    /// Sums over the attempts of these local days (`2026-11-23`), both included.
    func ledgerSums(from first: String, through last: String) async throws(ConversationError) -> [LedgerSum]

    /// The last attempts, newest first.
    func ledgerEntries(limit: Int) async throws(ConversationError) -> [LedgerEntry]

    /// What the model workers had kept, without credentials.
    func keptModelStates() async throws(ConversationError) -> [KeptModelState]
}
