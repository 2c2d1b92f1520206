internal import IPCHub
internal import Runtime

/// `/model`: which model answers one conversation, kept in its session as OpenClaw keeps it (`providerOverride`,
/// `modelOverride`, `authProfileOverride`).
enum ModelChoice {
    /// Longest name of a model, and of a key.
    private static let nameLimit = 128
    /// Models that `/model` lists.
    static let listLimit = 60

    /// What a conversation asks.
    enum Resolution: Equatable {
        /// What is configured, with its fallbacks.
        case configured
        /// This one alone, with this key ("": any).
        case chosen(HubModelTarget, profile: String)
        /// It was chosen once and cannot be had any more.
        case gone(String)
    }

    static func resolve(_ entry: JSONObject, turn: HubTurn) -> Resolution {
        guard let model = entry["modelOverride"]?.string, isName(model), canChoose(turn) else { return .configured }
        let provider = entry["providerOverride"]?.string ?? ModelName(turn.model).provider
        let name = "\(provider)/\(model)"
        guard let target = find(name, turn) else { return .gone(name) }
        var profile = ""
        if entry["authProfileOverrideSource"]?.string != "auto", let own = entry["authProfileOverride"]?.string,
            own.hasPrefix("\(provider):"), own.utf8.count <= nameLimit
        {
            profile = own
        }
        return .chosen(target, profile: profile)
    }

    /// What `/model <name>` changes in the session's entry, and what the person is told.
    enum Change: Equatable {
        /// Full name; the key that is to be used, or "".
        case set(model: String, profile: String)
        case clear
        case refused(String)
    }

    static func change(_ written: String, turn: HubTurn) -> Change {
        guard canChoose(turn) else {
            return .refused(
                "No other model can be chosen here: \(turn.model.isEmpty ? "none is configured" : turn.model + " is all there is")."
            )
        }
        let parts = written.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (name, profile) = (parts[0], parts.count > 1 ? parts[1] : "")
        if profile.isEmpty, ["default", "reset", "auto"].contains(name.lowercased()) { return .clear }
        guard isName(name), profile.isEmpty || isName(profile) else {
            return .refused("\(ForeignText.label(written)) is not a model's name.")
        }
        let found = matches(name, turn)
        if found.count > 1 {
            let names = found.prefix(5).map(\.model).joined(separator: ", ")
            return .refused("\(name) can mean \(names). Say which, or take its number from /model.")
        }
        guard let target = found.first else {
            let provider = ModelName(name).provider
            return .refused(
                "There is no \(provider.isEmpty ? "model \(name)" : "provider \(ForeignText.label(provider))") here. /model lists what can be chosen; more is configured with agents.list[].model, agents.defaults.model and a provider's key."
            )
        }
        guard !target.worker.isEmpty else {
            return .refused("\(target.model) cannot be had: \(reason(target))")
        }
        let provider = ModelName(target.model).provider
        guard profile.isEmpty || profile.hasPrefix("\(provider):") else {
            return .refused("\(profile) is no key of \(provider): its keys are called \(provider):<name>.")
        }
        return .set(model: target.model, profile: profile)
    }

    static func apply(_ change: Change, _ entry: inout JSONObject) {
        switch change {
        case .set(let model, let profile):
            entry["providerOverride"] = .string(ModelName(model).provider)
            entry["modelOverride"] = .string(ModelName(model).model)
            entry["authProfileOverride"] = profile.isEmpty ? nil : .string(profile)
            entry["authProfileOverrideSource"] = profile.isEmpty ? nil : "user"
        case .clear:
            for key in ["providerOverride", "modelOverride", "authProfileOverride", "authProfileOverrideSource"] {
                entry[key] = nil
            }
        case .refused: break
        }
    }

    static func sentence(_ change: Change, turn: HubTurn) -> String {
        switch change {
        case .set(let model, let profile):
            "From now on \(model) answers this conversation\(profile.isEmpty ? "" : " with the key \(profile)"), and nothing in its place when it fails. \(wayBack(model, turn.model))."
        case .clear: "Model: \(turn.model)."
        case .refused(let why): why
        }
    }

    /// How a choice of `model` is undone.
    static func wayBack(_ model: String, _ configured: String) -> String {
        model == configured
            ? "/model default lets others answer again when it fails" : "/model default goes back to \(configured)"
    }

    /// What can be chosen, numbered; "" when there is only one.
    static func list(_ turn: HubTurn, current: String) -> String {
        let all = selectable(turn)
        guard all.count > 1 else { return "" }
        var lines = all.prefix(listLimit).enumerated().map { index, target in
            let alias = target.alias.isEmpty ? "" : " (\(ForeignText.label(target.alias)))"
            let mark = target.model == current ? " ← answers here" : ""
            let trouble = target.worker.isEmpty ? " – not available: \(reason(target))" : ""
            return "\(index + 1). \(target.model)\(alias)\(mark)\(trouble)"
        }
        if all.count > listLimit { lines.append("… and \(all.count - listLimit) more") }
        return (lines + ["/model <name or number> chooses one for this conversation, /model default goes back."])
            .joined(separator: "\n")
    }

    /// Candidates and choices, each model once.
    private static func selectable(_ turn: HubTurn) -> [HubModelTarget] {
        var seen: Set<String> = []
        return (turn.targets + turn.choices).filter { !$0.model.isEmpty && seen.insert($0.model).inserted }
    }

    /// By number, alias, full name, and name without a provider, in this order.
    private static func matches(_ name: String, _ turn: HubTurn) -> [HubModelTarget] {
        let all = selectable(turn)
        if let number = Int(name), all.indices.contains(number - 1) {
            let target = all[number - 1]
            return target.model.hasSuffix("/*") ? [] : [target]
        }
        let lower = name.lowercased()
        if let alias = all.first(where: { !$0.alias.isEmpty && $0.alias.lowercased() == lower }) { return [alias] }
        if let target = find(name, turn) { return [target] }
        let suffixes = all.filter { ModelName($0.model).model.lowercased() == lower }
        if !suffixes.isEmpty { return suffixes }
        // As it was before there were choices: another model of the configured provider.
        let provider = ModelName(turn.model).provider
        guard !name.contains("/"), !provider.isEmpty, let target = find("\(provider)/\(name)", turn) else { return [] }
        return [target]
    }

    /// A model by its full name: one that is named, or any of a provider that has a worker.
    private static func find(_ name: String, _ turn: HubTurn) -> HubModelTarget? {
        let all = selectable(turn)
        if let named = all.first(where: { $0.model == name })
            ?? all.first(where: { $0.model.lowercased() == name.lowercased() })
        {
            return named
        }
        let written = ModelName(name)
        guard !written.provider.isEmpty, isName(written.model) else { return nil }
        let provider = written.provider.lowercased()
        let served = all.first { target in
            let own = ModelName(target.model).provider
            return own.lowercased() == provider && !target.worker.isEmpty && target.worker == "model:\(own)"
        }
        guard var target = served ?? all.first(where: { $0.model.lowercased() == "\(provider)/*" }) else { return nil }
        target.model = "\(ModelName(target.model).provider)/\(written.model)"
        (target.alias, target.contextTokens) = ("", 0)
        return target
    }

    private static func reason(_ target: HubModelTarget) -> String {
        target.unavailable.isEmpty ? "its provider has no worker" : ForeignText.label(target.unavailable, limit: 300)
    }

    /// Not where only the demonstration model answers.
    private static func canChoose(_ turn: HubTurn) -> Bool {
        turn.targets.contains { !$0.worker.isEmpty && $0.worker == "model:\(ModelName($0.model).provider)" }
            || turn.choices.contains { !$0.worker.isEmpty }
    }

    private static func isName(_ name: String) -> Bool {
        (1...nameLimit).contains(name.utf8.count)
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.:/".contains($0)) }
    }
}
