internal import Config
internal import IPCHub

/// The models of a turn: whom to ask, what else may be chosen, who listens. Pure.
struct ModelOffers {
    let config: GatewayConfig

    /// The configured model and its fallbacks, each once, best first. Empty only where nothing is configured.
    func candidates(of agentID: String) -> [HubModelTarget] {
        let route = config.agent(agentID).model
        return each([route.primary] + route.fallbacks).map(target)
    }

    /// Puts a model before the others of a turn.
    func prefer(_ ref: ModelRef, in turn: inout HubTurn) {
        turn.candidates = [target(ref)] + turn.candidates.filter { $0.model != ref.model }
    }

    /// Everything else that `/model` may choose from: models that are written down, and each provider as a whole.
    func choices() -> [HubModelTarget] {
        let routed = config.agents.flatMap { [$0.model.primary] + $0.model.fallbacks }.filter { !$0.model.isEmpty }
        var targets = config.catalog.map { model in
            var ref = ModelRef(model: model.model, worker: model.worker)
            ref.unavailable = model.unavailable
            return target(ref)
        }
        for ref in each(routed) where !targets.contains(where: { $0.model == ref.model }) {
            targets.append(target(ref))
        }
        for worker in config.models where worker.worker != config.demoModel?.worker {
            targets.append(target(ModelRef(model: "\(worker.provider)/*", worker: worker.worker)))
        }
        return targets
    }

    func transcribers() -> [HubModelTarget] { each(config.transcribers).map(target) }

    /// A model as the frame names it.
    func target(_ ref: ModelRef) -> HubModelTarget {
        let known = config.catalog.first { $0.model == ref.model }
        var target = HubModelTarget()
        target.model = ref.model
        target.worker = ref.worker
        target.unavailable = ref.worker.isEmpty ? ref.unavailable : ""
        target.contextTokens = UInt32(clamping: known?.contextTokens ?? 0)
        target.alias = known?.alias ?? ""
        return target
    }

    private func each(_ refs: [ModelRef]) -> [ModelRef] {
        var seen: Set<String> = []
        return refs.filter { seen.insert($0.model).inserted }
    }
}

extension HubModelTarget {
    /// The same, not to be had.
    func closed(_ why: String) -> HubModelTarget {
        var target = self
        target.worker = ""
        target.unavailable = why
        return target
    }
}
