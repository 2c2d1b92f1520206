internal import Config
internal import IPCHub

/// Which agent and which conversation a message belongs to.
///
/// Source: spec/channels-voice-tunnel.md 1.7 (bindings) and 1.8 (session keys).
struct Router {
    let config: GatewayConfig

    /// Where a channel's message goes.
    struct Route: Equatable {
        var agentID: String
        var sessionKey: String
    }

    func route(_ message: HubChatMessage, access: ChannelAccess) -> Route {
        let agentID = agent(for: message, access: access)
        return Route(agentID: agentID, sessionKey: sessionKey(message, access: access, agentID: agentID))
    }

    /// The canonical form of a key that a client wrote, and its agent. Nil when it names an agent that is not configured.
    func canonical(_ key: String) -> Route? {
        var trimmed = Substring(key)
        while trimmed.first?.isWhitespace == true { trimmed.removeFirst() }
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        let lower = trimmed.lowercased()
        let parts = lower.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "agent" else {
            let rest = lower.isEmpty ? config.session.mainKey : lower
            return Route(agentID: config.defaultAgent, sessionKey: "agent:\(config.defaultAgent):\(rest)")
        }
        let agentID = String(parts[1])
        guard config.agents.contains(where: { $0.id == agentID }) else { return nil }
        let rest = parts[2].isEmpty ? Substring(config.session.mainKey) : parts[2]
        return Route(agentID: agentID, sessionKey: "agent:\(agentID):\(rest)")
    }

    private func sessionKey(_ message: HubChatMessage, access: ChannelAccess, agentID: String) -> String {
        let conversation = message.conversation
        let prefix = "agent:\(agentID)"
        let key =
            switch message.chatType {
            case .group: "\(prefix):\(access.channel):group:\(conversation)"
            case .channel: "\(prefix):\(access.channel):channel:\(conversation)"
            case .direct, .UNRECOGNIZED: directKey(message, access: access, prefix: prefix)
            }
        return key.lowercased()
    }

    private func directKey(_ message: HubChatMessage, access: ChannelAccess, prefix: String) -> String {
        let peer = linkedPeer(message, channel: access.channel)
        return switch config.session.dmScope {
        case .main: "\(prefix):\(config.session.mainKey)"
        case .perPeer: "\(prefix):dm:\(peer)"
        case .perChannelPeer: "\(prefix):\(access.channel):dm:\(peer)"
        case .perAccountChannelPeer: "\(prefix):\(access.channel):\(access.account):dm:\(peer)"
        }
    }

    /// One person's name over all channels, where `session.identityLinks` gives one.
    private func linkedPeer(_ message: HubChatMessage, channel: String) -> String {
        let peer = message.conversation.lowercased()
        let wanted = [peer, "\(channel):\(peer)"]
        let links = config.session.identityLinks.sorted { $0.key < $1.key }
        return links.first { link in link.value.contains { wanted.contains($0.lowercased()) } }?.key ?? peer
    }

    private func agent(for message: HubChatMessage, access: ChannelAccess) -> String {
        let candidates = config.bindings.filter { rule in
            guard rule.channel == access.channel.lowercased() else { return false }
            guard let account = rule.accountID, !account.isEmpty else { return access.account == "default" }
            return account == "*" || account == access.account
        }
        let kind =
            switch message.chatType {
            case .direct, .UNRECOGNIZED: "dm"
            case .group: "group"
            case .channel: "channel"
            }
        let chosen =
            candidates.first { $0.peerKind == kind && $0.peerID == message.conversation }
            ?? candidates.first { $0.isForAccount && $0.accountID != "*" }
            ?? candidates.first { $0.isForAccount }
        guard let chosen else { return config.defaultAgent }
        return config.agent(chosen.agentID).id
    }
}

extension BindingRule {
    /// It names no peer, guild or team.
    fileprivate var isForAccount: Bool { peerID == nil && guildID == nil && teamID == nil }
}
