extension LoadedConfig {
    /// What all networks have in common, into `access`: where its keys stand, group policy, history, reactions.
    package func readCommon(_ access: inout ChannelAccess, _ keys: AccountKeys, historyLimit: Int = 50) {
        access.base = keys.base
        access.groupPolicy = groupPolicy(keys["groupPolicy"])
        let history = keys["historyLimit"]?.integer ?? value(["messages", "groupChat", "historyLimit"])?.integer
        access.historyLimit = max(0, min(history ?? historyLimit, 1000))
        access.chunkMode = keys["chunkMode"]?.string ?? "length"
        access.ackReaction = keys["ackReaction"]?.string ?? value(["messages", "ackReaction"])?.string ?? "👀"
        access.ackReactionScope = value(["messages", "ackReactionScope"])?.string ?? "group-mentions"
        access.removeAckAfterReply = value(["messages", "removeAckAfterReply"])?.bool ?? false
        access.reactionNotifications = keys["reactionNotifications"]?.string ?? "own"
        access.configWrites = keys["configWrites"]?.bool ?? true
    }

    /// The account's, else `channels.defaults`, else the allowlist: who is not named stays outside (departure D7).
    private func groupPolicy(_ value: ConfigValue?) -> ChannelAccess.GroupPolicy {
        if let own = value?.string.flatMap(ChannelAccess.GroupPolicy.init) { return own }
        guard isSound(["channels", "defaults", "groupPolicy"]) else { return .disabled }
        return self.value(["channels", "defaults", "groupPolicy"])?.string.flatMap(ChannelAccess.GroupPolicy.init)
            ?? .allowlist
    }

    /// `commands`.
    package func commands() -> CommandsConfig {
        var commands = CommandsConfig()
        // One that cannot be read keeps people out rather than in.
        commands.useAccessGroups = value(["commands", "useAccessGroups"])?.bool ?? true
        return commands
    }

    /// `alerts` of `clawhold.json`.
    package func alerts() -> AlertsConfig {
        var alerts = AlertsConfig()
        alerts.enabled = ownValue(["alerts", "enabled"])?.bool ?? true
        alerts.off = ownValue(["alerts", "off"])?.array?.compactMap(\.string) ?? []
        alerts.everyMinutes = ownValue(["alerts", "everyMinutes"])?.integer ?? 60
        return alerts
    }
}
