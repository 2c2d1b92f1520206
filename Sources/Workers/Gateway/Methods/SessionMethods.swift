/// sessions.list (spec/gateway-protocol.md 2.4).
enum SessionMethods {
    static let all = [Method("sessions.list", .read, list)]

    private static func list(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow([
            "limit", "activeMinutes", "includeGlobal", "includeUnknown", "includeDerivedTitles", "includeLastMessage",
            "label", "spawnedBy", "agentId", "search",
        ])
        _ = reader.integer("limit", in: 1...Int64.max)
        _ = reader.integer("activeMinutes", in: 1...Int64.max)
        for name in ["includeGlobal", "includeUnknown", "includeDerivedTitles", "includeLastMessage"] {
            _ = reader.bool(name)
        }
        _ = reader.string("label", longest: 64)
        _ = reader.string("spawnedBy")
        _ = reader.string("agentId")
        _ = reader.string("search", allowEmpty: true)
        guard reader.isValid else { throw reader.error(method: "sessions.list") }
        return .success(
            .raw(
                try await context.ask { () throws(ConversationError) in
                    try await context.conversations.sessions(params: params.encoded())
                }
            )
        )
    }
}
