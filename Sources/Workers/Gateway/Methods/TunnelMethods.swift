/// tunnel.status: ours (`docs/rpc.md`).
enum TunnelMethods {
    static let all = [Method("tunnel.status", .read, status)]

    /// A worker that does not answer is shown as the gateway knows it.
    private static let askMilliseconds: Int64 = 3000

    /// `{ts, tunnels: [{worker, provider, public, state, url, error, since, restarts, routes, detail?}]}`.
    private static func status(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "tunnel.status")
        var tunnels: [WireValue] = []
        for facts in await context.conversations.tunnels() {
            tunnels.append(wire(facts, detail: await detail(facts, context)))
        }
        return .success(["ts": .integer(context.clock.wall()), "tunnels": .array(tunnels)])
    }

    private static func detail(_ facts: TunnelFacts, _ context: MethodContext) async -> WireValue? {
        guard facts.state != "absent" else { return nil }
        do throws(ConversationError) {
            let bytes = try await context.conversations.ask(
                worker: facts.worker,
                method: "status",
                params: [],
                milliseconds: askMilliseconds
            )
            return try? WireParser.parse(bytes)  // no JSON: there is no detail
        } catch {
            return nil
        }
    }

    static func wire(_ facts: TunnelFacts, detail: WireValue?) -> WireValue {
        [
            "worker": .string(facts.worker), "provider": .string(facts.provider), "public": .bool(facts.isPublic),
            "state": .string(facts.state), "url": .nonEmpty(facts.url), "error": .nonEmpty(facts.error),
            "since": facts.since > 0 ? .integer(facts.since) : nil,
            "restarts": .integer(Int64(clamping: facts.restarts)),
            "routes": .array(
                facts.routes.map { route in
                    [
                        "path": .string(route.path), "worker": .nonEmpty(route.worker),
                        "url": facts.url.isEmpty ? nil : .string(facts.url + route.path),
                    ]
                }
            ),
            "detail": detail,
        ]
    }
}
