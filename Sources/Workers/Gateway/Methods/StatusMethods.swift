internal import Config

/// health, status, system-presence (spec/gateway-protocol.md 2.2).
enum StatusMethods {
    static let all = [
        Method("health", .read, health),
        Method("status", .read, status),
        Method("system-presence", .read, presence),
    ]

    private static func health(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        let start = context.clock.now()
        let report = await context.report()
        let duration = start.duration(to: context.clock.now()).wholeMilliseconds
        return .success(report.health(wall: context.clock.wall(), durationMilliseconds: duration))
    }

    private static func presence(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "system-presence")
        return .success(await context.presence())
    }

    /// Asks for the sessions without failing over them: status is what one calls when something is broken.
    private static func status(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "status")
        let report = await context.report()
        let agents = context.config.agents
        return .success([
            "heartbeat": [
                "defaultAgentId": .string(context.config.defaultAgent),
                "agents": .array(
                    agents.map { ["agentId": .string($0.id), "enabled": false, "every": "0m", "everyMs": .null] }
                ),
            ],
            "channelSummary": .array(channelLines(report)),
            "queuedSystemEvents": [],
            "sessions": await sessions(context),
            "runtime": [
                "version": .string(context.config.version),
                "uptimeMs": .integer(context.uptimeMilliseconds),
                "delivery": report.deliveryCounts,
                "safeMode": .nonEmpty(report.delivery.safeMode),
                "degraded": .array(report.degraded.map(WireValue.string)),
                "workers": .array(report.workers.sorted { $0.id < $1.id }.map(WorkerTable.row)),
                "config": config(context.config),
            ],
        ])
    }

    private static func channelLines(_ report: HealthReport) -> [WireValue] {
        report.workers.compactMap(HealthReport.ChannelWorker.init).sorted { $0.row.id < $1.row.id }.map { worker in
            let state = worker.lastError.map { ": \($0)" } ?? ""
            return .string("\(worker.channel) \(worker.account): \(worker.row.state)\(state)")
        }
    }

    private static func sessions(_ context: MethodContext) async -> WireValue {
        let model = context.config.agent(context.config.defaultAgent).model.primary.model
        var count: Int64 = 0
        var path = context.config.stateDirectory + "/agents"
        var recent: [WireValue] = []
        // Without an answer the rest of the status still stands; the count says 0 then and `degraded` says why.
        if let bytes = try? await context.conversations.sessions(params: Array(#"{"limit":10}"#.utf8)),
            let list = try? WireParser.parse(bytes)
        {
            count = list["count"]?.whole ?? 0
            path = list["path"]?.text ?? path
            recent = list["sessions"]?.items ?? []
        }
        return [
            "paths": [.string(path)],
            "count": .integer(count),
            "defaults": ["model": model.isEmpty ? .null : .string(model), "contextTokens": .null],
            "recent": .array(recent),
            "byAgent": [],
        ]
    }

    private static func config(_ config: GatewayConfig) -> WireValue {
        [
            "path": .string(config.configPath),
            "state": .string(config.file.state.rawValue),
            "error": .nonEmpty(config.file.error),
            "problems": .array(
                config.file.problems.prefix(50).map { problem in
                    [
                        "path": .string(problem.path),
                        "line": problem.line > 0 ? .number(problem.line) : nil,
                        "text": .string(problem.text),
                        "disables": .nonEmpty(problem.disables),
                    ]
                }
            ),
        ]
    }
}
