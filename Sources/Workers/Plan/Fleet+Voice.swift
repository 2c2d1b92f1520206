internal import Config

/// Telephone calls in the plan: the worker, what the gateway and the agents are told of it.
extension Fleet {
    /// Before the agents, which are told whether anybody can be called.
    mutating func readVoice(port: Int) {
        if let reason = ChannelNotices.voiceOff(config) { return note([reason]) }
        guard config.state != .unusable else { return }
        switch config.voice(gatewayPort: port) {
        case .off: break
        case .lacking(let text):
            if !text.isEmpty { note([Notice(level: "warn", text: text)]) }
        case .planned(let planned):
            voice = planned
            note(planned.remarks.map { Notice(level: "warn", text: $0) })
            note(modelNotice(planned).map { [$0] } ?? [])
        }
    }

    /// Nil: nobody can be called.
    var agentVoice: AgentVoice? {
        guard let voice, Self.noOutbound(voice).isEmpty else { return nil }
        var slice = AgentVoice()
        slice.toNumber = voice.config.toNumber
        return slice
    }

    func gatewayVoice() -> GatewayVoice? {
        guard let voice else { return nil }
        var slice = GatewayVoice()
        slice.worker = voice.access.worker
        slice.provider = voice.config.provider.rawValue
        slice.noOutbound = Self.noOutbound(voice)
        slice.toNumber = voice.config.toNumber
        slice.transcriptTimeoutMilliseconds = voice.config.transcriptTimeoutMilliseconds
        if !voice.prompt.isEmpty { slice.prompt = voice.prompt }
        if !voice.model.isEmpty {
            let model = routing.reference(voice.model)
            if !model.worker.isEmpty { slice.model = model }
        }
        return slice
    }

    private static func noOutbound(_ voice: PlannedVoice) -> String {
        guard voice.config.provider != .mock, voice.config.fromNumber.isEmpty else { return "" }
        return "nobody can be called: set plugins.entries.voice-call.config.fromNumber"
    }

    private func modelNotice(_ voice: PlannedVoice) -> Notice? {
        guard !voice.model.isEmpty, routing.reference(voice.model).worker.isEmpty else { return nil }
        let model = routing.reference(voice.model).model.prefix(100)
        return Notice(
            level: "warn",
            text:
                "voice calls are answered by the agent's own model: \(model) (responseModel) cannot be asked, its provider has no key"
        )
    }
}
