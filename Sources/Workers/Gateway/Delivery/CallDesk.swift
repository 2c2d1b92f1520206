package import Journal

/// What the methods about telephone calls ask of the engine: from the journal, so it is known while the worker is away.
package protocol CallDesk: Sendable {
    /// By our id or the provider's; nil: there is none.
    func call(_ id: String) async throws(ConversationError) -> KeptCall?

    /// Those that changed last, newest first. With `after`: those that changed after this `rev`, the oldest changes when there
    /// are more than `limit`.
    func calls(after rev: Int64?, limit: Int) async throws(ConversationError) -> [KeptCall]
}
