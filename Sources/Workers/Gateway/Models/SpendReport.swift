internal import Config
internal import Journal

/// Today's limits and what they have come to.
enum SpendReport {
    static func today(_ context: MethodContext) async throws(RPCError) -> WireValue {
        let (config, now) = (context.config.spend, context.clock.wall())
        let today = LocalDay.name(now)
        let sums = try await context.ask { () throws(ConversationError) in
            try await context.conversations.ledgerSums(from: today, through: today)
        }
        var limits: [WireValue] = []
        func add(_ agent: String, _ limit: Double) {
            let own = agent.isEmpty ? sums : sums.filter { $0.agent == agent }
            let spent = Double(own.reduce(0) { $0 + $1.cost }) / 1e9
            limits.append([
                "agentId": .nonEmpty(agent), "limit": .double(limit), "spent": .double(spent),
                "isReached": .bool(spent >= limit),
            ])
        }
        if let limit = config.perDay { add("", limit) }
        for (agent, limit) in config.perAgent.sorted(by: { $0.key < $1.key }) { add(agent, limit) }
        return [
            "date": .string(today),
            "spent": .double(Double(sums.reduce(0) { $0 + $1.cost }) / 1e9),
            "missingCostEntries": .number(sums.reduce(0) { $0 + $1.unpriced }),
            "then": .string(config.then.rawValue),
            "cheaperModel": .nonEmpty(config.cheaperModel.model),
            "limits": .array(limits),
        ]
    }
}
