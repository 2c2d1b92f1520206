internal import IPCHub

/// The models that one turn may ask, best first, and why it is no longer at the first. Pure.
///
/// A model that a person chose stands alone: it fails visibly. Within a turn there is no way back to a model that failed,
/// so that a tool loop does not change its mind with every round.
struct ModelChain: Equatable, Sendable {
    private let targets: [HubModelTarget]
    let isStrict: Bool
    private var index = 0
    /// What each model failed with, by position.
    private var failures: [Int: HubModelEvent.Failed] = [:]
    private var isLastResort = false
    private var triedOtherDialect = false

    /// - Parameter targets: not empty; one without a worker is passed over, unless it is the only one.
    init(_ targets: [HubModelTarget], isStrict: Bool) {
        self.targets = targets
        self.isStrict = isStrict
        index = targets.firstIndex { !$0.worker.isEmpty } ?? 0
    }

    /// The model in front of the person's eyes: the configured or the chosen one.
    var wanted: HubModelTarget { targets.first ?? HubModelTarget() }
    var current: HubModelTarget { targets.indices.contains(index) ? targets[index] : HubModelTarget() }
    /// Ask it even while it cools.
    var insists: Bool { isStrict || isLastResort }

    /// Whether another model may be asked after this one.
    var hasMore: Bool { !isStrict && targets.indices.dropFirst(index + 1).contains { !targets[$0].worker.isEmpty } }

    /// Why another model than the wanted one is asked, in the words that follow its name; nil while it is the wanted one.
    var detour: String? {
        guard index > 0 else { return nil }
        return failures[0].map(FailureSentence.reason) ?? "is not available"
    }

    /// What is told when nothing is left: the wanted model's failure, and those of the others with their names.
    var failure: (model: HubModelTarget, failed: HubModelEvent.Failed, others: [(String, HubModelEvent.Failed)])? {
        let order = failures.sorted { $0.key < $1.key }
        guard let first = order.first else { return nil }
        return (targets[first.key], first.value, order.dropFirst().map { (targets[$0.key].model, $0.value) })
    }

    /// Goes on to the next model that may do better. False when there is none: the turn has failed.
    mutating func advance(after failed: HubModelEvent.Failed) -> Bool {
        failures[index] = failed
        guard !isStrict, !isLastResort, failed.tryNext else { return false }
        if let next = targets.indices.dropFirst(index + 1).first(where: { helps($0, failed) }) {
            if failed.kind == .badRequest { triedOtherDialect = true }
            index = next
            return true
        }
        // Everything cools, nobody was asked: better one question too many than none at all, since a key may have been
        // topped up a moment ago. Not where a provider may have named the time.
        guard failures.values.allSatisfy({ $0.attempts == 0 }) else { return false }
        let soft = failures.sorted { $0.key < $1.key }.first { entry in
            switch entry.value.kind {
            case .timeout, .overloaded, .unreachable, .transient, .cut, .modelNotFound, .auth, .billing: true
            case .unknown, .rateLimit, .badRequest, .context, .refused, .exhausted, .shed, .UNRECOGNIZED: false
            }
        }
        guard let soft else { return false }
        isLastResort = true
        index = soft.key
        return true
    }

    private func helps(_ position: Int, _ failed: HubModelEvent.Failed) -> Bool {
        let target = targets[position]
        guard !target.worker.isEmpty, target.model != current.model else { return false }
        switch failed.kind {
        case .context:
            // What is not known to be larger would be asked in vain, and a long conversation is dear.
            return current.contextTokens > 0 && target.contextTokens > current.contextTokens
        case .badRequest:
            return !triedOtherDialect && ModelName(target.model).provider != ModelName(current.model).provider
        case .unknown, .auth, .rateLimit, .overloaded, .timeout, .cut, .billing, .unreachable, .transient,
            .modelNotFound, .refused, .exhausted, .shed, .UNRECOGNIZED:
            return true
        }
    }
}

extension HubTurn {
    /// The models to try, best first. A gateway that names none means the turn's own.
    var targets: [HubModelTarget] {
        guard candidates.isEmpty else { return candidates }
        var target = HubModelTarget()
        target.model = model
        target.worker = modelWorker
        target.unavailable = unavailable
        return [target]
    }
}
