internal import Config
internal import IPCHub

/// Who may talk on one channel account: a pure decision over the facts that the channel's worker told.
///
/// Source: spec/channels-voice-tunnel.md 1.3, 1.5 and 1.6: policy, place, sender, command, mention, in this order. Our
/// departures: a group that nobody listed is closed (D7), and who was let into direct chats by pairing is not thereby let
/// into groups (D5).
struct AccessPolicy {
    let access: ChannelAccess
    var commands = CommandsConfig()

    /// What the decision takes into account besides the configuration of the account.
    struct Circumstances {
        /// Approved by pairing.
        var paired: SenderList?
        /// Patterns of the agent that the message would go to.
        var patterns: [MentionPattern] = []
        /// Whether the network lets us see who is mentioned.
        var canSeeMentions = true
        /// WhatsApp: a pattern does not count in a message that mentions somebody else.
        var patternsYieldToMentions = false
        /// `/activation` of the session: whether a mention is needed.
        var activation: Bool?
    }

    /// May it start a turn? With a refusal come all the changes that together would admit the message.
    func decide(_ message: HubChatMessage, _ circumstances: Circumstances = Circumstances()) -> AccessDecision {
        let decision = decideOnce(message, circumstances)
        switch decision {
        case .allow, .pairing: return decision
        case .deny(let refusal): return .deny(completed(refusal, message, circumstances))
        case .quiet(let refusal): return .quiet(completed(refusal, message, circumstances))
        }
    }

    /// What stands behind one obstacle shows when it is out of the way.
    private func completed(
        _ refusal: AccessRefusal,
        _ message: HubChatMessage,
        _ circumstances: Circumstances
    ) -> AccessRefusal {
        var refusal = refusal
        var policy = self
        var next = refusal.changes.first
        refusal.changes = []
        var lines: [String] = []
        while let change = next {
            // As many as there are obstacles; more would mean that one does not help.
            guard refusal.changes.count < 8, !refusal.changes.contains(change) else { break }
            refusal.changes.append(change)
            lines.append(ConfigLine.text(change, in: policy.access))
            policy = AccessPolicy(access: change.applied(to: policy.access), commands: commands)
            switch policy.decideOnce(message, circumstances) {
            case .allow, .pairing: next = nil
            case .deny(let further), .quiet(let further):
                next = further.changes.first
                if next == nil { (refusal.changes, lines) = ([], []) }
            }
        }
        refusal.admit = lines.joined(separator: "; ")
        return refusal
    }

    private func decideOnce(_ message: HubChatMessage, _ circumstances: Circumstances) -> AccessDecision {
        if message.senderIsBot, !access.allowBots {
            return deny(.bot, "written by a bot", .allowBots, message)
        }
        switch message.chatType {
        case .direct, .UNRECOGNIZED: return decideDirect(message, circumstances)
        case .group, .channel:
            let place = access.channel == "discord" ? guildPlace(message) : groupPlace(message)
            switch place {
            case .failure(let refusal): return .deny(refusal)
            case .success(let place): return decideInside(place, message, circumstances)
            }
        }
    }

    private func decideDirect(_ message: HubChatMessage, _ circumstances: Circumstances) -> AccessDecision {
        guard access.dmEnabled else {
            return deny(.directOff, "direct messages are switched off", .dmEnabled, message)
        }
        let isListed =
            senders(access.allowFrom).names(message) || circumstances.paired?.names(message) == true
        switch access.dmPolicy {
        case .disabled:
            let path = ConfigLine.path(access.path("dmPolicy"))
            return deny(.directOff, "direct messages are switched off (\(path) is disabled)", .dmPolicy, message)
        case .open: break
        case .allowlist, .pairing:
            guard !isListed else { break }
            if access.dmPolicy == .pairing, message.isSpoken, Shown.isPlain(message.senderID) { return .pairing }
            let path = ConfigLine.path(access.path("allowFrom"))
            return deny(.sender, "not in \(path)", Self.entry(of: message).map { .allowFrom($0) }, message)
        }
        if let commanders = access.commandsFrom {
            return .allow(AccessGrant(mayCommand: senders(commanders).names(message), wasMentioned: true))
        }
        let mayCommand = isListed || !commands.useAccessGroups
        if message.kind == .command, !mayCommand { return refuseCommand(message) }
        let isOwner =
            senders(access.allowFrom).namesPerson(message) || circumstances.paired?.namesPerson(message) == true
        return .allow(AccessGrant(mayCommand: mayCommand, wasMentioned: true, isOwner: isOwner))
    }

    /// The place and the sender are in order: command and mention are left.
    private func decideInside(
        _ place: AccessPlace,
        _ message: HubChatMessage,
        _ circumstances: Circumstances
    ) -> AccessDecision {
        let mayCommand = mayCommand(message, place)
        let isCommand = message.kind == .command || ControlCommand.isOne(message.text)
        if isCommand, !mayCommand { return refuseCommand(message) }
        let gate = MentionGate(place: place, circumstances: circumstances)
        let isCommandForUs = isCommand && !message.mentionsOthers
        switch gate.judge(message, isCommand: isCommandForUs) {
        case .passes(let wasMentioned):
            return .allow(AccessGrant(mayCommand: mayCommand, wasMentioned: wasMentioned))
        case .needsMention:
            return .quiet(AccessRefusal(kind: .mention, reason: "the bot was not mentioned", changes: [place.freely]))
        case .meansOthers:
            let reason = "it names somebody else and not the bot"
            return .quiet(AccessRefusal(kind: .otherMention, reason: reason, changes: [place.othersToo]))
        }
    }

    // MARK: Commands

    private func mayCommand(_ message: HubChatMessage, _ place: AccessPlace) -> Bool {
        let lists = [access.allowFrom] + place.lists
        let written = lists.map(senders).filter { !$0.isEmpty }
        let hasRoles = !place.roles.isEmpty
        if !commands.useAccessGroups {
            // Discord: a list that is there counts even so.
            guard access.channel == "discord", !written.isEmpty || hasRoles else { return true }
        }
        return written.contains { $0.names(message) } || Self.hasRole(message, of: place.roles)
    }

    private func refuseCommand(_ message: HubChatMessage) -> AccessDecision {
        let reason = "a command, and its sender is on no list of those who may give them"
        return deny(.command, reason, Self.entry(of: message).map { .allowFrom($0) }, message)
    }

    // MARK: Words

    func deny(
        _ kind: AccessRefusal.Kind,
        _ reason: String,
        _ change: AdmittingChange?,
        _ message: HubChatMessage
    ) -> AccessDecision {
        .deny(refusal(kind, reason, change, message))
    }

    func refusal(
        _ kind: AccessRefusal.Kind,
        _ reason: String,
        _ change: AdmittingChange?,
        _ message: HubChatMessage
    ) -> AccessRefusal {
        var refusal = AccessRefusal(kind: kind, reason: reason, changes: change.map { [$0] } ?? [])
        // Discord shows an interaction as running until somebody answers; elsewhere a stranger gets no sign of life.
        let isInteraction = access.channel == "discord" && (message.kind == .command || message.kind == .button)
        refusal.isAnswered = isInteraction || (kind == .command && message.kind == .command)
        return refusal
    }

    func senders(_ list: [String]) -> SenderList { SenderList(list, channel: access.channel) }

    static func hasRole(_ message: HubChatMessage, of roles: [String]) -> Bool {
        roles.contains { role in
            let id = role.trimmingSpace.filter { !"<@&>".contains($0) }
            return id == "*" || (!id.isEmpty && message.senderRoles.contains(id))
        }
    }

    /// What would admit this sender: the id, which nobody else can take. Nil when it cannot be typed.
    static func entry(of message: HubChatMessage) -> String? {
        let entry = message.senderID.isEmpty ? message.senderUsername : message.senderID
        return Shown.isPlain(entry) ? entry : nil
    }
}

extension HubChatMessage {
    /// Somebody said something: it could start a turn.
    var isSpoken: Bool {
        switch kind {
        case .message, .command, .button, .UNRECOGNIZED: true
        case .reaction, .system: false
        }
    }
}
