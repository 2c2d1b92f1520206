internal import Config
internal import IPCHub

/// Who may talk on one channel account: a pure decision over the facts that the channel's worker told.
///
/// Source: spec/channels-voice-tunnel.md 1.3 and 1.5 (policy, group, sender, mention), with our departures: the default
/// denies, and groups are on an allowlist unless the configuration says otherwise.
struct AccessPolicy {
    let access: ChannelAccess

    /// May it start a turn?
    func decide(_ message: HubChatMessage) -> AccessDecision {
        switch message.chatType {
        case .direct, .UNRECOGNIZED: decideDirect(message)
        case .group, .channel: decideGroup(message)
        }
    }

    private func decideDirect(_ message: HubChatMessage) -> AccessDecision {
        switch access.dmPolicy {
        case .disabled:
            return .deny("direct messages are switched off (channels.\(access.channel).dmPolicy is disabled)")
        case .open: return .allow
        case .allowlist, .pairing:
            if SenderList(access.allowFrom).admits(message, channel: access.channel) { return .allow }
            return .deny("not in \(allowFromPath) — add \"\(Self.entry(for: message))\" to it")
        }
    }

    private func decideGroup(_ message: HubChatMessage) -> AccessDecision {
        let (group, topic) = places(of: message)
        guard access.groupPolicy != .disabled else {
            return .deny("groups are switched off (channels.\(access.channel).groupPolicy is disabled)")
        }
        if !access.groups.isEmpty, group == nil {
            return .deny(
                "the group is not in channels.\(access.channel).groups — add \"\(Self.groupID(of: message))\" to it"
            )
        }
        guard group?.enabled ?? true, topic?.enabled ?? true else {
            return .deny("the group is disabled in channels.\(access.channel).groups")
        }
        if access.groupPolicy == .allowlist {
            let senders = topic?.allowFrom ?? group?.allowFrom ?? access.groupAllowFrom ?? access.allowFrom
            guard SenderList(senders).admits(message, channel: access.channel) else {
                return .deny(
                    "not in channels.\(access.channel).groupAllowFrom — add \"\(Self.entry(for: message))\" to it"
                )
            }
        }
        let isMentionNeeded =
            topic?.requireMention ?? group?.requireMention ?? access.groups["*"]?.requireMention ?? true
        if isMentionNeeded, !message.mentioned { return .quiet("the bot was not mentioned") }
        return .allow
    }

    /// The entries of the message's group and topic; the group falls back to `*`.
    private func places(of message: HubChatMessage) -> (group: GroupAccess?, topic: GroupAccess?) {
        let group = access.groups[Self.groupID(of: message)] ?? access.groups["*"]
        let thread = message.thread.isEmpty ? Self.topicID(of: message) : message.thread
        return (group, group?.topics[thread])
    }

    /// The group without its topic: `-100` of `-100:topic:42`.
    private static func groupID(of message: HubChatMessage) -> String {
        split(message.conversation).group
    }

    private static func topicID(of message: HubChatMessage) -> String {
        split(message.conversation).topic
    }

    private static func split(_ conversation: String) -> (group: String, topic: String) {
        let parts = conversation.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[parts.count - 2] == "topic", let topic = parts.last else {
            return (conversation, "")
        }
        return (parts.dropLast(2).joined(separator: ":"), String(topic))
    }

    private var allowFromPath: String {
        access.path("allowFrom").joined(separator: ".")
    }

    /// What would admit this sender: the id, which nobody else can take.
    private static func entry(for message: HubChatMessage) -> String {
        message.senderID.isEmpty ? message.senderUsername : message.senderID
    }
}

/// What the policy says.
enum AccessDecision: Equatable {
    case allow
    /// No, and the operator should see why and how to change it.
    case deny(String)
    /// No, and that is how it should be: nothing to tell.
    case quiet(String)
}
