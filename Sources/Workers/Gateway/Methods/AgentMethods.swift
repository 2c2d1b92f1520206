internal import Config

/// agents.list, agent.identity.get (spec/gateway-protocol.md 2.3).
enum AgentMethods {
    static let all = [
        Method("agents.list", .read, agents),
        Method("agent.identity.get", .read, identity),
    ]

    private static func agents(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "agents.list")
        let config = context.config
        let others = config.agents.filter { $0.id != config.defaultAgent }.sorted { $0.id < $1.id }
        let all = config.agents.filter { $0.id == config.defaultAgent } + others
        return .success([
            "defaultId": .string(config.defaultAgent),
            "mainKey": .string(config.session.mainKey),
            "scope": .string(config.session.scope.rawValue),
            "agents": .array(
                all.map { agent in
                    let name = WireValue.nonEmpty(agent.name)
                    return ["id": .string(agent.id), "name": name, "identity": name.map { ["name": $0] }]
                }
            ),
        ])
    }

    private static func identity(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["agentId", "sessionKey"])
        let agentID = reader.string("agentId")?.lowercased()
        let sessionKey = reader.string("sessionKey")
        guard reader.isValid else { throw reader.error(method: "agent.identity.get") }
        let ofSession = sessionKey.flatMap(agent)
        if let agentID, let ofSession, agentID != ofSession {
            throw .invalid(
                "invalid agent.identity.get params: agent \"\(agentID.prefix(64))\" does not match session key agent "
                    + "\"\(ofSession.prefix(64))\""
            )
        }
        let agent = context.config.agent(agentID ?? ofSession ?? context.config.defaultAgent)
        return .success([
            "agentId": .string(agent.id),
            "name": .string(agent.name.isEmpty ? "Assistant" : String(agent.name.prefix(50))),
            "avatar": .string(agent.name.first.map { String($0).uppercased() } ?? "A"),
        ])
    }

    /// The agent in `agent:<id>:…`.
    private static func agent(of sessionKey: String) -> String? {
        let parts = sessionKey.split(separator: ":", maxSplits: 2)
        return parts.count == 3 && parts[0] == "agent" ? parts[1].lowercased() : nil
    }
}

/// Refuses params of a method that has none.
func noParams(_ params: WireValue, method: String) throws(RPCError) {
    var reader = ParamReader(params)
    reader.allow([])
    guard reader.isValid else { throw reader.error(method: method) }
}
