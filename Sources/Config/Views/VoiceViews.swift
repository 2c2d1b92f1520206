/// Telephone calls that the configuration asks for, ready to be planned.
package struct PlannedVoice: Sendable, Equatable {
    package var access: ChannelAccess
    package var config: VoiceConfig
    /// Name and value.
    package var secrets: [Secret]
    /// How a tunnel leads to the listener; nil where none may.
    package var route: TunnelRoute?
    /// Why none may, in words.
    package var noRoute = ""
    /// `responseModel` as written; empty: the agent's own.
    package var model = ""
    package var prompt = ""
    /// For the log: what runs otherwise than somebody may expect.
    package var remarks: [String] = []

    package struct Secret: Sendable, Equatable {
        package var name: String
        package var value: String
    }
}

/// What became of `plugins.entries.voice-call`.
package enum VoicePlan: Sendable, Equatable {
    /// Nobody wants it.
    case off
    case planned(PlannedVoice)
    /// It cannot run: in words with what to do. What is wrong in the file is reported as a problem instead, and this is empty.
    case lacking(String)
}

extension LoadedConfig {
    static var voicePath: ConfigPath { ["plugins", "entries", "voice-call"] }

    func voiceSetting(_ keys: String...) -> ConfigValue? {
        value(ConfigPath(Self.voicePath.parts + ["config"] + keys))
    }

    /// The plugin is on, by both of its switches.
    package var isVoiceEnabled: Bool {
        value(Self.voicePath + "enabled")?.bool == true && voiceSetting("enabled")?.bool != false
    }

    /// The voice-call plugin's settings as a worker. What is wrong disables its smallest part and is reported.
    package mutating func voice(gatewayPort: Int) -> VoicePlan {
        guard isVoiceEnabled else { return .off }
        nameUnsupportedVoice()
        guard let word = voiceSetting("provider")?.string else {
            // A wrong one was reported by the check.
            return isSound(Self.voicePath + "config" + "provider")
                ? .lacking("voice calls are off: set plugins.entries.voice-call.config.provider to twilio or telnyx")
                : .lacking("")
        }
        guard let provider = VoiceConfig.Provider(rawValue: word) else {
            voiceProblem(["provider"], "\"\(word)\" is not supported: use twilio or telnyx", Self.voiceWorker)
            return .lacking("")
        }
        var config = VoiceConfig(provider)
        readCalls(&config)
        readListener(&config)
        guard isVoiceAllowed(&config, gatewayPort: gatewayPort) else { return .lacking("") }
        let found = voiceSecrets(&config)
        guard found.missing.isEmpty else {
            return .lacking(
                "voice calls are off: \(word) needs \(found.missing.joined(separator: " and "))"
            )
        }
        var planned = PlannedVoice(access: voiceAccess(), config: config, secrets: found.secrets)
        planned.model = Environment.trimmed(voiceSetting("responseModel")?.string ?? "")
        planned.prompt = Environment.trimmed(voiceSetting("responseSystemPrompt")?.string ?? "")
        addRoute(&planned)
        addRemarks(&planned)
        return .planned(planned)
    }

    static var voiceWorker: String { "channel:\(GatewayVoice.channel):default" }

    mutating func voiceProblem(_ keys: [String], _ text: String, _ disables: String? = nil) {
        let path = ConfigPath(Self.voicePath.parts + ["config"] + keys)
        let place = Self.find(path, in: root) ?? Self.find(Self.voicePath, in: root)
        report(
            ConfigProblem(
                path: "\(path)",
                line: Int(place?.position.line ?? 0),
                text: text,
                disables: disables ?? "\(path)"
            )
        )
    }

    /// The worker has judged the caller. A caller's number can be forged: it gives no commands unless
    /// `commands.allowFrom.voice-call` says so.
    private func voiceAccess() -> ChannelAccess {
        var access = ChannelAccess(channel: GatewayVoice.channel, account: "default")
        access.line = Int(Self.find(Self.voicePath, in: root)?.position.line ?? 0)
        access.base = Self.voicePath.parts + ["config"]
        access.dmPolicy = .open
        access.groupPolicy = .disabled
        access.textChunkLimit = 3000
        access.chunkMode = "length"
        access.historyLimit = 0
        access.reactionNotifications = "off"
        access.commandsFrom =
            value(["commands", "allowFrom"])?[GatewayVoice.channel]?.array?.compactMap(\.identifier)
            .filter { $0 != "*" } ?? []
        return access
    }

    private mutating func addRoute(_ planned: inout PlannedVoice) {
        let config = planned.config
        if config.provider == .mock {
            planned.noRoute = "the provider mock believes whoever calls it: no tunnel leads there"
        } else if !BindAddress.answersLocally(config.bind) {
            planned.noRoute =
                "a tunnel leads to 127.0.0.1, where nothing listens: set serve.bind to 127.0.0.1 (it is \(config.bind))"
        } else {
            planned.route = TunnelRoute(worker: planned.access.worker, path: config.path, port: config.port)
        }
    }

    private func addRemarks(_ planned: inout PlannedVoice) {
        let config = planned.config
        if config.provider != .mock, config.fromNumber.isEmpty {
            planned.remarks.append(
                "voice calls: nobody can be called until plugins.entries.voice-call.config.fromNumber is set"
            )
        }
        if config.inboundPolicy == .allowlist, config.allowFrom.isEmpty {
            planned.remarks.append(
                "voice calls: every caller is refused: inboundPolicy is allowlist, and allowFrom names no number"
            )
        }
        if config.skipsSignatures {
            planned.remarks.append(
                "voice calls: skipSignatureVerification is on: whoever reaches port \(config.port), or a tunnel that leads there, can speak for a caller"
            )
        }
    }

    /// What OpenClaw has and this version has not, by its name.
    private mutating func nameUnsupportedVoice() {
        if voiceSetting("streaming", "enabled")?.bool == true {
            voiceProblem(
                ["streaming", "enabled"],
                "media streams are not supported: the provider's own speech recognition and voices are used; set it to false"
            )
        }
        if voiceSetting("realtime", "enabled")?.bool == true {
            voiceProblem(["realtime", "enabled"], "realtime voices are not supported; set it to false")
        }
        for key in ["stt", "tts"] {
            guard let provider = voiceSetting(key, "provider")?.string else { continue }
            voiceProblem(
                [key, "provider"],
                "\"\(provider.prefix(40))\" is ignored: the telephone provider's own "
                    + (key == "stt" ? "speech recognition is used" : "voices speak (tts.openai.voice chooses one)")
            )
        }
    }
}
