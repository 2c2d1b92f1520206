internal import Config
internal import IPCHub
internal import Journal

/// models.list (spec/gateway-protocol.md 2.3); models.status, models.probe, models.clear: ours (`docs/rpc.md`).
enum ModelMethods {
    static let all = [
        Method("models.list", .read, list),
        Method("models.status", .read, status),
        Method("models.probe", .write, probe),
        Method("models.clear", .write, clear),
    ]

    /// A key is asked for a real answer; a slow provider is given that long.
    private static let probeMilliseconds: Int64 = 60_000
    private static let clearMilliseconds: Int64 = 15_000

    /// Every model that an agent or the configuration names and that has a worker.
    private static func list(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "models.list")
        let config = context.config
        let offers = ModelOffers(config: config)
        let named = config.demoModel.map { [offers.target($0)] } ?? []
        let targets = (named + offers.choices()).filter { !$0.worker.isEmpty && !$0.model.hasSuffix("/*") }
        return .success([
            "models": .array(
                targets.map { target in
                    let known = config.catalog.first { $0.model == target.model }
                    let id = String(target.model.drop { $0 != "/" }.dropFirst())
                    let images = known?.readsImages.map { $0 ? ["text", "image"] : ["text"] as WireValue }
                    let isDemo = target.worker == config.demoModel?.worker
                    let demo = isDemo ? "Demonstration model (no provider is configured)" : ""
                    let name = [demo, known?.name ?? "", target.alias, id].first { !$0.isEmpty } ?? id
                    return [
                        "id": .string(id),
                        "name": .string(name),
                        "provider": .string(String(target.model.prefix { $0 != "/" })),
                        "contextWindow": target.contextTokens > 0 ? .number(target.contextTokens) : nil,
                        "reasoning": known?.isReasoning.map { .bool($0) },
                        "input": images,
                    ]
                }
            )
        ])
    }

    private static func status(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["provider"])
        let provider = reader.string("provider", longest: 256)
        guard reader.isValid else { throw reader.error(method: "models.status") }
        if let provider { _ = try worker(provider, context) }
        let states = try await ModelStates.read(context, only: provider)
        let config = context.config
        return .success([
            "ts": .integer(context.clock.wall()),
            "demo": config.demoModel != nil ? true : nil,
            "providers": .array(states.map(\.wire)),
            "agents": .array(
                config.agents.map { agent in
                    [
                        "agentId": .string(agent.id),
                        "primary": route(agent.model.primary),
                        "fallbacks": .array(agent.model.fallbacks.map(route)),
                    ]
                }
            ),
            "spend": try await SpendReport.today(context),
        ])
    }

    private static func route(_ ref: ModelRef) -> WireValue {
        ["model": .string(ref.model), "unavailable": ref.worker.isEmpty ? .nonEmpty(ref.unavailable) : nil]
    }

    private static func probe(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try await order("probe", probeMilliseconds, context, params)
    }

    private static func clear(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try await order("clear", clearMilliseconds, context, params)
    }

    /// Asks the provider's worker, which is started for it where it does not run; without a provider all of them.
    private static func order(
        _ method: String,
        _ milliseconds: Int64,
        _ context: MethodContext,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["provider", "profile", "model"])
        let provider = reader.string("provider", longest: 256)
        let profile = reader.string("profile", longest: 256)
        let model = reader.string("model", longest: 256)
        guard reader.isValid else { throw reader.error(method: "models.\(method)") }
        let given = provider ?? profile.map { String($0.prefix { $0 != ":" }) }
        let workers = try given.map { name throws(RPCError) in [try worker(name, context)] } ?? providers(context)
        var answers: [WireValue] = []
        for worker in workers {
            // A key is tried with the model that it is there for.
            let usual = method == "probe" ? usualModel(of: worker, context.config) : nil
            let question: WireValue = [
                "profile": profile.map { .string($0) },
                "model": (model ?? usual).map { .string(bare($0, of: worker.provider)) },
            ]
            do throws(ConversationError) {
                let bytes = try await context.conversations.ask(
                    worker: worker.worker,
                    method: method,
                    params: question.encoded(),
                    milliseconds: milliseconds
                )
                let result = (try? WireParser.parse(bytes)) ?? .null
                answers.append(["provider": .string(worker.provider), "ok": true, "result": result])
            } catch {
                let failure = RPCError(error)
                guard workers.count > 1 else { throw failure }
                answers.append(["provider": .string(worker.provider), "ok": false, "error": .string(failure.message)])
            }
        }
        return .success(["ts": .integer(context.clock.wall()), "providers": .array(answers)])
    }

    /// The first model of this provider that an agent uses, else that is written down.
    private static func usualModel(of worker: ModelWorkerEntry, _ config: GatewayConfig) -> String? {
        let routed = config.agents.flatMap { [$0.model.primary] + $0.model.fallbacks }
        return routed.first { $0.worker == worker.worker }?.model
            ?? config.catalog.first { $0.worker == worker.worker }?.model
    }

    /// Without the provider's prefix.
    private static func bare(_ model: String, of provider: String) -> String {
        model.hasPrefix("\(provider)/") ? String(model.dropFirst(provider.count + 1)) : model
    }

    private static func providers(_ context: MethodContext) -> [ModelWorkerEntry] {
        context.config.models.filter { $0.worker != context.config.demoModel?.worker }
    }

    private static func worker(_ provider: String, _ context: MethodContext) throws(RPCError) -> ModelWorkerEntry {
        let all = providers(context)
        let name = provider.lowercased()
        if let worker = all.first(where: { $0.provider == name || $0.worker == name }) { return worker }
        let names = all.map(\.provider).joined(separator: ", ")
        throw .invalid(
            "there is no provider \"\(Shown.text(provider))\" with a key"
                + (names.isEmpty ? "" : ": there are \(names)")
        )
    }
}
