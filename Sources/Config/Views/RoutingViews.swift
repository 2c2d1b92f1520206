extension LoadedConfig {
    /// Bindings beyond this are left out.
    package static var bindingLimit: Int { 500 }

    /// The sound bindings, in the order of the file.
    package func bindings() -> [BindingRule] {
        let list = anyValue(["bindings"])?.array ?? []
        return list.prefix(Self.bindingLimit).enumerated().compactMap { index, binding in
            guard isSound(["bindings", String(index)]), let agent = binding["agentId"]?.string,
                let match = binding["match"], let channel = match["channel"]?.string
            else { return nil }
            var rule = BindingRule(agentID: Self.agentID(agent), channel: channel.lowercased())
            rule.accountID = match["accountId"]?.identifier.map(Environment.trimmed).flatMap { $0.isEmpty ? nil : $0 }
            rule.peerKind = match["peer"]?["kind"]?.string.map { $0 == "direct" ? "dm" : $0 }
            rule.peerID = match["peer"]?["id"]?.identifier
            rule.guildID = match["guildId"]?.identifier
            rule.teamID = match["teamId"]?.identifier
            return rule
        }
    }

    /// `session`. A `dmScope` that cannot be read keeps people apart rather than together.
    package func session() -> SessionConfig {
        var session = SessionConfig()
        if isSound(["session", "dmScope"]) {
            session.dmScope = value(["session", "dmScope"])?.string.flatMap(SessionConfig.DMScope.init) ?? .main
        } else {
            session.dmScope = .perAccountChannelPeer
        }
        session.scope = value(["session", "scope"])?.string.flatMap(SessionConfig.Scope.init) ?? .perSender
        for member in value(["session", "identityLinks"])?.object?.members ?? [] {
            session.identityLinks[member.key] = member.value.array?.compactMap(\.string) ?? []
        }
        return session
    }

    /// `messages.queue`, `messages.inbound`, and `messages` of `clawhold.json`.
    package func queue() -> QueueConfig {
        var queue = QueueConfig()
        let path: ConfigPath = ["messages", "queue"]
        if let mode = value(path + "mode")?.string { queue.mode = Self.queueMode(mode) }
        if let debounce = value(path + "debounceMs")?.integer { queue.debounceMilliseconds = debounce }
        if let cap = value(path + "cap")?.integer { queue.cap = cap }
        if let drop = value(path + "drop")?.string { queue.drop = drop }
        queue.modeByChannel = byChannel(path + "byChannel") { $0.string.map(Self.queueMode) }
        queue.debounceByChannel = byChannel(path + "debounceMsByChannel") { $0.integer }
        let inbound: ConfigPath = ["messages", "inbound"]
        if let wait = value(inbound + "debounceMs")?.integer { queue.inboundDebounceMilliseconds = wait }
        queue.inboundDebounceByChannel = byChannel(inbound + "byChannel") { $0.integer }
        if let hours = ownValue(["messages", "maxAgeHours"])?.integer { queue.maxAgeHours = hours }
        return queue
    }

    private static func queueMode(_ written: String) -> String {
        written == "steer+backlog" ? "steer-backlog" : written
    }

    /// The sound members of an object that is keyed by network, in lower case.
    private func byChannel<Value>(_ path: ConfigPath, _ read: (ConfigValue) -> Value?) -> [String: Value] {
        var values: [String: Value] = [:]
        for member in anyValue(path)?.object?.members ?? [] where isSound(path + member.key) {
            values[member.key.lowercased()] = read(member.value)
        }
        return values
    }

    /// `models.endpoint` of `clawhold.json`.
    package func endpoint() -> EndpointConfig {
        var endpoint = EndpointConfig()
        endpoint.enabled = ownValue(["models", "endpoint", "enabled"])?.bool ?? false
        if let most = ownValue(["models", "endpoint", "maxConcurrent"])?.integer { endpoint.maxConcurrent = most }
        return endpoint
    }

    /// `gateway.controlUi`.
    package func controlUI() -> ControlUIConfig {
        var page = ControlUIConfig()
        let path: ConfigPath = ["gateway", "controlUi"]
        page.enabled = value(path + "enabled")?.bool ?? true
        let base = (value(path + "basePath")?.string ?? "").split(separator: "/").joined(separator: "/")
        page.basePath = base.isEmpty ? "" : "/" + base
        page.allowedOrigins = value(path + "allowedOrigins")?.array?.compactMap(\.string) ?? []
        page.allowInsecureAuth = value(path + "allowInsecureAuth")?.bool ?? false
        page.dangerouslyDisableDeviceAuth = value(path + "dangerouslyDisableDeviceAuth")?.bool ?? false
        return page
    }
}
