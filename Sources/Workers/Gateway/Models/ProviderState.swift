internal import Config
internal import Journal

/// One provider as people see it.
struct ProviderState {
    var provider: String
    var worker: String
    /// Of its worker: `ready`, `stopped`, …; empty: not known.
    var state = ""
    /// Why its worker does not run.
    var reason = ""
    /// The worker itself told it, just now; otherwise it is what was kept.
    var isLive = false
    /// When it was kept, milliseconds since 1970; 0: nothing was.
    var savedAt: Int64 = 0
    var troubles: [KeyTrouble] = []
    /// As the worker tells or had kept them, without secrets.
    var keys: [WireValue] = []
    /// What the worker holds at the moment.
    var load: WireValue?

    var wire: WireValue {
        [
            "provider": .string(provider),
            "worker": .string(worker),
            "state": .nonEmpty(state),
            "reason": .nonEmpty(reason),
            "live": .bool(isLive),
            "savedAt": savedAt > 0 ? .integer(savedAt) : nil,
            "keys": .array(keys),
            "cooldowns": .array(troubles.map(\.wire)),
            "load": load,
        ]
    }
}

/// What is known of the providers: from a worker that runs by asking it, from what was kept of the others.
enum ModelStates {
    private static let askMilliseconds: Int64 = 3000

    static func read(_ context: MethodContext, only provider: String? = nil) async throws(RPCError) -> [ProviderState] {
        let kept = try await context.ask { () throws(ConversationError) in
            try await context.conversations.keptModelStates()
        }
        let rows = await context.conversations.workers()
        let now = context.clock.wall()
        var states: [ProviderState] = []
        let wanted = provider?.lowercased()
        for entry in context.config.models where entry.worker != context.config.demoModel?.worker {
            guard wanted == nil || entry.provider == wanted || entry.worker == wanted else { continue }
            var state = ProviderState(provider: entry.provider, worker: entry.worker)
            let row = rows.first { $0.id == entry.worker }
            state.state = row?.state ?? ""
            state.reason = row.map { ["parked", "quarantined", "backoff"].contains($0.state) ? $0.reason : "" } ?? ""
            let stored = kept.first { "model:\($0.provider)" == entry.worker }
            state.savedAt = stored?.savedAt ?? 0
            var json = stored.flatMap { try? WireParser.parse($0.cooldowns) }
            if row?.state == "ready", let live = await ask(entry.worker, context) {
                (json, state.isLive) = (live, true)
            }
            state.troubles = KeyTrouble.list(json, now: now)
            state.keys = keys(json)
            state.load = json?["worker"]
            states.append(state)
        }
        return states
    }

    private static func ask(_ worker: String, _ context: MethodContext) async -> WireValue? {
        // One that does not answer in time is told of as it was kept.
        let bytes = try? await context.conversations.ask(
            worker: worker,
            method: "status",
            params: Array("{}".utf8),
            milliseconds: askMilliseconds
        )
        return bytes.flatMap { try? WireParser.parse($0) }
    }

    /// What people may know of the keys; nothing else is passed on.
    private static func keys(_ json: WireValue?) -> [WireValue] {
        (json?["profiles"]?.items ?? []).prefix(64).compactMap { item in
            guard let id = item["id"]?.text ?? item["profile"]?.text else { return nil }
            let used = item["lastUsed"]?.whole ?? 0
            return [
                "profile": .string(Shown.text(id, limit: 256)),
                "mode": item["mode"]?.text.map { .string(Shown.text($0)) },
                "state": item["state"]?.text.map { .string(Shown.text($0)) },
                "source": item["source"]?.text.map { .string(Shown.text($0, limit: 256)) },
                "lastUsedAt": used > 0 ? .integer(used) : nil,
                "expiresAt": item["expires"]?.whole.map { .integer($0) },
            ]
        }
    }
}
