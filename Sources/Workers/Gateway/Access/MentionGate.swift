internal import Config
internal import IPCHub

/// In groups only what is said to the bot starts a turn. Source: spec/channels-voice-tunnel.md 1.5.
struct MentionGate {
    let place: AccessPlace
    let circumstances: AccessPolicy.Circumstances

    enum Verdict: Equatable {
        case passes(wasMentioned: Bool)
        case needsMention
        case meansOthers
    }

    /// `isCommand`: a command that its sender may give, and that names nobody.
    func judge(_ message: HubChatMessage, isCommand: Bool) -> Verdict {
        let isNative = message.mentioned || message.kind == .command || message.kind == .button
        let wasMentioned = isNative || isCalledByPattern(message)
        // Reactions and the like are not spoken.
        guard message.isSpoken, !wasMentioned else { return .passes(wasMentioned: wasMentioned) }
        if place.ignoreOtherMentions, message.mentionsOthers { return .meansOthers }
        let isNeeded = circumstances.activation ?? place.requireMention
        guard isNeeded, !isCommand else { return .passes(wasMentioned: false) }
        // Where nobody can mention the bot, nobody can be asked to.
        guard circumstances.canSeeMentions || !circumstances.patterns.isEmpty else {
            return .passes(wasMentioned: false)
        }
        return .needsMention
    }

    private func isCalledByPattern(_ message: HubChatMessage) -> Bool {
        guard message.isSpoken, !circumstances.patterns.isEmpty, !message.text.isEmpty else { return false }
        // On WhatsApp a message that mentions somebody else is his, whatever it says.
        if message.mentionsOthers, circumstances.patternsYieldToMentions { return false }
        let text = PatternText(message.text)
        return circumstances.patterns.contains { $0.isFound(in: text) }
    }
}
