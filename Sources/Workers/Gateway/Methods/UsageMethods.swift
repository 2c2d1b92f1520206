internal import Journal

/// usage.cost and usage.status in OpenClaw's shapes (spec/gateway-protocol.md), usage.report: ours (`docs/rpc.md`).
enum UsageMethods {
    static let all = [
        Method("usage.cost", .read, cost),
        Method("usage.status", .read, status),
        Method("usage.report", .read, report),
    ]

    /// The ledger is kept as long.
    static let mostDays: Int64 = 400

    private static func cost(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        .success(try await sums(context, params, method: "usage.cost").cost(wall: context.clock.wall()))
    }

    private static func report(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        let usage = try await sums(context, params, method: "usage.report")
        var answer = usage.report(wall: context.clock.wall()).members ?? []
        answer.append(WireValue.Member(name: "spend", value: try await SpendReport.today(context)))
        return .success(.object(answer))
    }

    /// Providers have no windows for those who pay by the token; what locks a key stands as its error.
    private static func status(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "usage.status")
        let now = context.clock.wall()
        let states = try await ModelStates.read(context)
        return .success([
            "updatedAt": .integer(now),
            "providers": .array(
                states.map { state in
                    let trouble = state.troubles.first { $0.model.isEmpty }
                    return [
                        "provider": .string(state.provider),
                        "displayName": .string(state.provider),
                        "windows": [],
                        "error": trouble.map { .string("\($0.kind): \($0.cause)") },
                    ]
                }
            ),
        ])
    }

    private static func sums(
        _ context: MethodContext,
        _ params: WireValue,
        method: String
    ) async throws(RPCError) -> UsageReport {
        var reader = ParamReader(params)
        reader.allow(["days"])
        let days = Int(reader.integer("days", in: 1...mostDays) ?? 30)
        guard reader.isValid else { throw reader.error(method: method) }
        let names = LocalDay.last(days, to: context.clock.wall())
        let (first, last) = (names.first ?? "", names.last ?? "")
        let sums = try await context.ask { () throws(ConversationError) in
            try await context.conversations.ledgerSums(from: first, through: last)
        }
        return UsageReport(days: names, sums: sums)
    }
}
