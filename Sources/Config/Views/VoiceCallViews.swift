/// What the voice-call plugin says of calls: numbers, limits, voices.
extension LoadedConfig {
    /// A number, or nothing when it is none.
    private mutating func number(_ key: String) -> String {
        let text = Environment.trimmed(voiceSetting(key)?.string ?? "")
        guard !text.isEmpty, !PhoneNumber.isE164(text) else { return text }
        voiceProblem([key], "\"\(text.prefix(40))\" is no number such as +15550001234 (E.164)")
        return ""
    }

    mutating func readCalls(_ config: inout VoiceConfig) {
        config.fromNumber = number("fromNumber")
        config.toNumber = number("toNumber")
        // Pairing by voice does not exist: who is on the list may call.
        config.inboundPolicy =
            switch voiceSetting("inboundPolicy")?.string {
            case "allowlist", "pairing": .allowlist
            case "open": .open
            default: .disabled
            }
        let list = voiceSetting("allowFrom")?.array?.compactMap(\.string).map(Environment.trimmed) ?? []
        config.allowFrom = list.prefix(Self.entryLimit).filter(PhoneNumber.isE164)
        for wrong in list.filter({ !PhoneNumber.isE164($0) }).prefix(5) {
            voiceProblem(
                ["allowFrom"],
                "\"\(wrong.prefix(40))\" is no number such as +15550001234 (E.164): nobody is let in by it"
            )
        }
        if list.count > Self.entryLimit { voiceProblem(["allowFrom"], "more than \(Self.entryLimit) numbers") }
        config.inboundGreeting = String((voiceSetting("inboundGreeting")?.string ?? "").prefix(1000))
        config.defaultMode = voiceSetting("outbound", "defaultMode")?.string.flatMap(VoiceConfig.Mode.init) ?? .notify
        config.notifyHangupDelaySeconds =
            voiceSetting("outbound", "notifyHangupDelaySec")?.integer ?? config.notifyHangupDelaySeconds
        config.maxDurationSeconds = voiceSetting("maxDurationSeconds")?.integer ?? config.maxDurationSeconds
        config.transcriptTimeoutMilliseconds =
            voiceSetting("transcriptTimeoutMs")?.integer ?? config.transcriptTimeoutMilliseconds
        config.ringTimeoutMilliseconds = voiceSetting("ringTimeoutMs")?.integer ?? config.ringTimeoutMilliseconds
        config.maxConcurrentCalls = voiceSetting("maxConcurrentCalls")?.integer ?? config.maxConcurrentCalls
        config.responseTimeoutMilliseconds =
            voiceSetting("responseTimeoutMs")?.integer ?? config.responseTimeoutMilliseconds
        config.staleCallReaperSeconds =
            voiceSetting("staleCallReaperSeconds")?.integer ?? config.staleCallReaperSeconds
        config.voice = String(voiceName.prefix(64))
        config.language = String((ownValue(["voice", "language"])?.string ?? "").prefix(35))
    }

    /// The plugin's own speech settings, else those of all messages: as OpenClaw merges them.
    private var voiceName: String {
        for speech in [voiceSetting("tts"), value(["messages", "tts"])] {
            if let name = speech?["openai"]?["voice"]?.string ?? speech?["voice"]?.string {
                return Environment.trimmed(name)
            }
        }
        return ""
    }
}
