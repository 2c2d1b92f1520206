package import Journal

extension DeliveryEngine {
    package func call(_ id: String) async throws(ConversationError) -> KeptCall? {
        try await read { journal throws(JournalError) in try journal.call(id) }
    }

    package func calls(after rev: Int64?, limit: Int) async throws(ConversationError) -> [KeptCall] {
        try await read { journal throws(JournalError) in try journal.calls(after: rev, limit: limit) }
    }

    /// What an agent asks.
    func answer(_ question: WorkerQuestion) async -> Result<[UInt8], ConversationError> {
        guard let params = try? WireParser.parse(question.params.isEmpty ? Array("{}".utf8) : question.params) else {
            return .failure(.invalid("the parameters are no JSON"))
        }
        do throws(RPCError) {
            let calls = VoiceCalls(config: config, desk: self)
            return .success(try await VoiceRequest.run(question.method, params, calls).encoded())
        } catch {
            return .failure(.unavailable(error.message))
        }
    }
}
