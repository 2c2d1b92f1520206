/// Where the voice-call plugin listens, whom it believes, and its secrets.
extension LoadedConfig {
    mutating func readListener(_ config: inout VoiceConfig) {
        let bind = Environment.trimmed(voiceSetting("serve", "bind")?.string ?? config.bind)
        if BindAddress.isNumeric(bind) {
            config.bind = bind
        } else {
            voiceProblem(["serve", "bind"], "\"\(bind.prefix(60))\" is no numeric address: 127.0.0.1 is used")
        }
        config.port = voiceSetting("serve", "port")?.integer ?? config.port
        let path = voiceSetting("serve", "path")?.string ?? config.path
        if TunnelRoute.isPath(path), path != "/" {
            config.path = path
        } else {
            voiceProblem(["serve", "path"], "\"\(path.prefix(60))\" is no path of a webhook: \(config.path) is used")
        }
        if let url = voiceSetting("publicUrl")?.string, !Environment.trimmed(url).isEmpty {
            if let normal = HTTPAddress.normalized(url) {
                config.publicURL = normal
            } else {
                voiceProblem(["publicUrl"], "must be an https:// address with the webhook's path, without ? and #")
            }
        }
        var security = VoiceConfig.WebhookSecurity()
        security.allowedHosts = strings("webhookSecurity", "allowedHosts").map { $0.lowercased() }
        security.trustForwardingHeaders = voiceSetting("webhookSecurity", "trustForwardingHeaders")?.bool ?? false
        security.trustedProxyIPs = strings("webhookSecurity", "trustedProxyIPs")
        // A list of proxies that cannot be read must not become "any proxy".
        if !isSound(Self.voicePath + "config" + "webhookSecurity") { security = VoiceConfig.WebhookSecurity() }
        config.webhookSecurity = security
        if let root = ownValue(["voice", "apiRoot"])?.string {
            if let normal = HTTPAddress.normalized(root) {
                config.apiRoot = normal
            } else {
                report(
                    ConfigProblem(
                        path: "clawhold.json: voice.apiRoot",
                        line: Int(ownValue(["voice", "apiRoot"])?.position.line ?? 0),
                        text: "must be an http:// or https:// address",
                        disables: "voice.apiRoot"
                    )
                )
            }
        }
    }

    private func strings(_ keys: String...) -> [String] {
        let list = value(ConfigPath(Self.voicePath.parts + ["config"] + keys))?.array ?? []
        return list.prefix(256).compactMap(\.string).map(Environment.trimmed).filter { !$0.isEmpty }
    }

    /// What must not run at all. The rest of what is unsafe is switched off by itself.
    mutating func isVoiceAllowed(_ config: inout VoiceConfig, gatewayPort: Int) -> Bool {
        let isLoopback = BindAddress.isLoopback(config.bind)
        guard config.port != gatewayPort else {
            voiceProblem(
                ["serve", "port"],
                "\(config.port) is the gateway's own port: give the webhook another one",
                Self.voiceWorker
            )
            return false
        }
        guard config.provider != .mock || isLoopback else {
            voiceProblem(
                ["serve", "bind"],
                "the provider mock believes whoever calls it, so it listens on 127.0.0.1 alone",
                Self.voiceWorker
            )
            return false
        }
        if voiceSetting("skipSignatureVerification")?.bool == true {
            config.skipsSignatures = isLoopback
            if !isLoopback {
                voiceProblem(
                    ["skipSignatureVerification"],
                    "is refused unless serve.bind is a loopback address: anybody could speak for a caller"
                )
            }
        }
        let bypass =
            voiceSetting("tunnel", "allowNgrokFreeTierLoopbackBypass") ?? voiceSetting("tunnel", "allowNgrokFreeTier")
        config.trustsLoopbackHeaders =
            bypass?.bool == true && isLoopback && voiceSetting("tunnel", "provider")?.string == "ngrok"
        return true
    }

    mutating func voiceSecrets(
        _ config: inout VoiceConfig
    ) -> (secrets: [PlannedVoice.Secret], missing: [String]) {
        var secrets: [PlannedVoice.Secret] = []
        var missing: [String] = []
        func found(_ section: String, _ key: String, _ variable: String) -> String {
            let written = Environment.trimmed(voiceSetting(section, key)?.string ?? "")
            let text = written.isEmpty ? environment[variable] ?? "" : written
            // It becomes part of a header or of an address.
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) || text.hasPrefix("-----BEGIN"),
                text.utf8.count <= 4096
            else { return "" }
            return text
        }
        func need(_ text: String, _ section: String, _ key: String, _ variable: String) {
            if text.isEmpty { missing.append("\(variable) (or \(section).\(key))") }
        }
        func add(_ section: String, _ key: String, _ variable: String, isNeeded: Bool = true) {
            let text = found(section, key, variable)
            if isNeeded { need(text, section, key, variable) }
            if !text.isEmpty { secrets.append(.init(name: variable, value: text)) }
        }
        switch config.provider {
        case .twilio:
            config.accountSid = found("twilio", "accountSid", "TWILIO_ACCOUNT_SID")
            if !config.accountSid.allSatisfy({ $0.isLetter || $0.isNumber }) { config.accountSid = "" }
            need(config.accountSid, "twilio", "accountSid", "TWILIO_ACCOUNT_SID")
            add("twilio", "authToken", "TWILIO_AUTH_TOKEN")
        case .telnyx:
            config.connectionId = found("telnyx", "connectionId", "TELNYX_CONNECTION_ID")
            need(config.connectionId, "telnyx", "connectionId", "TELNYX_CONNECTION_ID")
            add("telnyx", "apiKey", "TELNYX_API_KEY")
            // Without it no webhook can be told from a forged one.
            add("telnyx", "publicKey", "TELNYX_PUBLIC_KEY", isNeeded: !config.skipsSignatures)
        case .mock: break
        }
        return (secrets, missing)
    }
}
