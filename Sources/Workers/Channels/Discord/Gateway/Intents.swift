/// What this bot asks the gateway to be told of.
struct Intents: Equatable, Sendable {
    var presence = false
    var guildMembers = false
    var messageContent = true

    /// GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS, DIRECT_MESSAGES, DIRECT_MESSAGE_REACTIONS, and the chosen ones.
    var bits: Int {
        1 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13
            | (messageContent ? 1 << 15 : 0) | (presence ? 1 << 8 : 0) | (guildMembers ? 1 << 1 : 0)
    }

    /// The privileged ones among them, as their switches are called in the Developer Portal.
    var privileged: [String] {
        (messageContent ? ["MESSAGE CONTENT INTENT"] : []) + (guildMembers ? ["SERVER MEMBERS INTENT"] : [])
            + (presence ? ["PRESENCE INTENT"] : [])
    }
}

/// What the application's flags say about its privileged intents.
/// Source: Discord's documentation, "Application Flags": bits 12/13 presence, 14/15 members, 18/19 content.
struct ApplicationFlags: Equatable, Sendable {
    var bits: Int64

    enum Permission: String, Sendable {
        case enabled
        /// For bots in fewer than 100 guilds; works the same.
        case limited
        case disabled
    }

    var presence: Permission { permission(12) }
    var guildMembers: Permission { permission(14) }
    var messageContent: Permission { permission(18) }

    private func permission(_ bit: Int64) -> Permission {
        if bits & (1 << bit) != 0 { return .enabled }
        return bits & (1 << (bit + 1)) != 0 ? .limited : .disabled
    }

    /// `wanted` without what Discord would refuse, and what the operator should know about it.
    func granted(_ wanted: Intents) -> (Intents, warnings: [String]) {
        var intents = wanted
        var warnings: [String] = []
        let place = "\(CloseMeaning.portal) → the application → Bot → Privileged Gateway Intents"
        if wanted.messageContent, messageContent == .disabled {
            intents.messageContent = false
            warnings.append(
                "MESSAGE CONTENT INTENT is off: in guilds this bot sees only messages that mention it. "
                    + "Switch it on at \(place), then restart this channel"
            )
        }
        if wanted.guildMembers, guildMembers == .disabled {
            intents.guildMembers = false
            warnings.append(
                "channels.discord.intents.guildMembers is set but SERVER MEMBERS INTENT is off: switch it on at \(place), "
                    + "then restart this channel"
            )
        }
        if wanted.presence, presence == .disabled {
            intents.presence = false
            warnings.append(
                "channels.discord.intents.presence is set but PRESENCE INTENT is off: switch it on at \(place), "
                    + "then restart this channel"
            )
        }
        return (intents, warnings)
    }
}
