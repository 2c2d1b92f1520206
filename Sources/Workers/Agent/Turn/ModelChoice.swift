internal import IPCHub
internal import Runtime

/// `/model`: which model answers one conversation, kept in its session as OpenClaw keeps it (`providerOverride`,
/// `modelOverride`).
///
/// Which worker serves a turn is the gateway's to say, so only another model of the same provider can be chosen.
enum ModelChoice {
    /// Longest name of a model.
    private static let nameLimit = 128

    /// The model of a turn: the conversation's own, when the turn's worker serves that provider.
    static func model(_ entry: JSONObject, turn: HubTurn) -> String {
        let written = ModelName(turn.model)
        guard let model = entry["modelOverride"]?.string, isName(model),
            (entry["providerOverride"]?.string ?? written.provider) == written.provider, canChoose(turn)
        else { return turn.model }
        return "\(written.provider)/\(model)"
    }

    /// What `/model <name>` changes in the session's entry, and what the person is told.
    enum Change: Equatable {
        case set(model: String)
        case clear
        case refused(String)
    }

    static func change(_ written: String, turn: HubTurn) -> Change {
        let configured = ModelName(turn.model)
        guard canChoose(turn) else {
            return .refused(
                "No other model can be chosen here: \(turn.model.isEmpty ? "none is configured" : turn.model + " is all there is")."
            )
        }
        if ["default", "reset", "auto"].contains(written.lowercased()) || written == turn.model { return .clear }
        let name = ModelName(written)
        guard name.provider.isEmpty || name.provider == configured.provider else {
            return .refused(
                "This conversation is served by \(configured.provider); a model of \(ForeignText.label(name.provider)) must be configured for the agent: agents.list[].model or agents.defaults.model."
            )
        }
        guard isName(name.model) else { return .refused("\(ForeignText.label(written)) is not a model's name.") }
        return .set(model: name.model)
    }

    static func apply(_ change: Change, _ entry: inout JSONObject, turn: HubTurn) {
        switch change {
        case .set(let model):
            entry["providerOverride"] = .string(ModelName(turn.model).provider)
            entry["modelOverride"] = .string(model)
        case .clear:
            entry["providerOverride"] = nil
            entry["modelOverride"] = nil
        case .refused: break
        }
    }

    static func sentence(_ change: Change, turn: HubTurn) -> String {
        switch change {
        case .set(let model):
            "From now on \(ModelName(turn.model).provider)/\(model) answers this conversation. /model default goes back to \(turn.model)."
        case .clear: "Model: \(turn.model)."
        case .refused(let why): why
        }
    }

    private static func canChoose(_ turn: HubTurn) -> Bool {
        !turn.modelWorker.isEmpty && turn.modelWorker == "model:\(ModelName(turn.model).provider)"
    }

    private static func isName(_ name: String) -> Bool {
        (1...nameLimit).contains(name.utf8.count)
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.:/".contains($0)) }
    }
}
