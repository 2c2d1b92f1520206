internal import Config

/// Who may call in. Caller ids can be forged: it keeps strangers away, it proves nobody.
enum InboundPolicy {
    /// Why a call of `from` is not taken, with what to set; nil when it is.
    static func refusal(of from: String, settings: VoiceSettings) -> String? {
        switch settings.inboundPolicy {
        case .disabled:
            return "incoming calls are not taken: plugins.entries.voice-call.config.inboundPolicy is \"disabled\" "
                + "(\"allowlist\" takes those of allowFrom)"
        case .open: return nil
        case .allowlist:
            guard let number = E164.number(from) else {
                return
                    "the caller shows no number, and plugins.entries.voice-call.config.inboundPolicy is \"allowlist\""
            }
            // The whole number: parts of one are no proof of anything.
            if settings.allowFrom.contains(where: { E164.normalized($0) == number }) { return nil }
            return "\(number) is not in plugins.entries.voice-call.config.allowFrom"
        }
    }
}
