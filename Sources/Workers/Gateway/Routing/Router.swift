internal import Config
internal import IPCHub

/// Which agent and which conversation a message belongs to.
///
/// Source: spec/channels-voice-tunnel.md 1.7 (bindings) and 1.8 (session keys); threads: `docs/decisions/0132`.
struct Router {
    let config: GatewayConfig

    /// Where a channel's message goes.
    struct Route: Equatable {
        var agentID: String
        var sessionKey: String
        /// What decided.
        var matchedBy = MatchedBy.default
    }

    /// In OpenClaw's words.
    enum MatchedBy: String, Equatable {
        case peer = "binding.peer"
        case guild = "binding.guild"
        case team = "binding.team"
        case account = "binding.account"
        case channel = "binding.channel"
        case `default`
    }

    func route(_ message: HubChatMessage, access: ChannelAccess) -> Route {
        let peer = Peer(message, channel: access.channel)
        let (agentID, matchedBy) = agent(for: peer, place: message.place, access: access)
        let key = SessionKey(session: config.session, access: access, agentID: agentID)
        return Route(agentID: agentID, sessionKey: key.text(for: peer), matchedBy: matchedBy)
    }

    /// The canonical form of a key that a client wrote, and its agent. Nil when it names an agent that is not configured.
    func canonical(_ key: String) -> Route? {
        let lower = key.trimmingSpace.lowercased()
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

    /// The first binding of the most exact kind that has one. Each kind looks only at its own part of a binding, so one
    /// with a peer and a guild counts for both (the plan warns of it).
    private func agent(for peer: Peer, place: HubPlace, access: ChannelAccess) -> (String, MatchedBy) {
        let bindings = config.bindings.filter { isFor(access, $0) }
        // What the network calls its servers; an empty id is none.
        let isTeam = access.channel == "slack" || access.channel == "msteams"
        let guildID = isTeam || place.guildID.isEmpty ? nil : place.guildID
        let teamID = isTeam && !place.guildID.isEmpty ? place.guildID : nil
        let tiers: [(MatchedBy, (BindingRule) -> Bool)] = [
            (.peer, { $0.peerKind == peer.kind.rawValue && $0.peerID == peer.id }),
            (.guild, { guildID != nil && $0.guildID == guildID }),
            (.team, { teamID != nil && $0.teamID == teamID }),
            (.account, { $0.isForAccount && $0.accountID != "*" }),
            (.channel, { $0.isForAccount && $0.accountID == "*" }),
        ]
        for (kind, fits) in tiers {
            // An agent that is not there is the default one.
            if let binding = bindings.first(where: fits) { return (config.agent(binding.agentID).id, kind) }
        }
        return (config.defaultAgent, .default)
    }

    /// An absent account means the one called `default` alone (departure D6: as the code of January does it).
    private func isFor(_ access: ChannelAccess, _ binding: BindingRule) -> Bool {
        guard binding.channel == access.channel.lowercased() else { return false }
        guard let account = binding.accountID, !account.isEmpty else { return access.account == "default" }
        return account == "*" || account == access.account || LoadedConfig.agentID(account) == access.account
    }
}

extension BindingRule {
    /// It names no peer, guild or team.
    fileprivate var isForAccount: Bool { peerID == nil && guildID == nil && teamID == nil }
}
