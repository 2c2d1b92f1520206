extension OpenClawSchema {
    /// Channels that OpenClaw knows. One that it does not know is a warning, as a plugin could bring it.
    static let channels = Shape.object(
        [
            "defaults": .object([
                "groupPolicy": .choice(["open", "disabled", "allowlist"]), "heartbeat": .any, "modelByChannel": .any,
            ]),
            "telegram": account(telegram),
            "discord": account(discord),
            "whatsapp": .map(.any), "signal": .map(.any), "slack": .map(.any), "googlechat": .map(.any),
            "imessage": .map(.any), "bluebubbles": .map(.any), "msteams": .map(.any), "mattermost": .map(.any),
            "matrix": .map(.any), "nostr": .map(.any), "zalo": .map(.any), "zalouser": .map(.any),
            "line": .map(.any), "irc": .map(.any), "feishu": .map(.any), "twitch": .map(.any), "tlon": .map(.any),
            "nextcloud-talk": .map(.any), "synology-chat": .map(.any),
        ]
    )

    /// A channel has the keys of an account, and more accounts with the same keys.
    private static func account(_ keys: [String: Shape]) -> Shape {
        .object(
            keys.merging(["accounts": .map(.object(keys)), "defaultAccount": .string]) { first, _ in first }
        )
    }

    private static let dmPolicy = Shape.choice(["pairing", "allowlist", "open", "disabled"])
    private static let groupPolicy = Shape.choice(["open", "disabled", "allowlist"])

    static let reactionNotifications = Shape.choice(["off", "own", "all", "allowlist"])

    private static let common: [String: Shape] = [
        "name": .string,
        "enabled": .bool,
        "capabilities": .any, "markdown": .any, "commands": .any, "configWrites": .bool,
        "dmPolicy": dmPolicy,
        "allowFrom": .identifiers,
        "groupAllowFrom": .identifiers,
        "groupPolicy": groupPolicy,
        "historyLimit": .count, "dmHistoryLimit": .any, "dms": .any,
        "textChunkLimit": .integer(1...1_000_000),
        "chunkMode": .choice(["length", "newline"]),
        "blockStreaming": .any, "blockStreamingCoalesce": .any, "mediaMaxMb": .number, "heartbeat": .any,
        "responsePrefix": .any, "healthMonitor": .any, "defaultTo": .any, "streaming": .any,
    ]

    private static let telegramTopic: [String: Shape] = [
        "requireMention": .bool, "allowFrom": .identifiers, "enabled": .bool,
        "skills": .any, "systemPrompt": .any, "groupPolicy": groupPolicy, "agentId": .any,
    ]

    private static let telegram: [String: Shape] = common.merging([
        "botToken": .string,
        "tokenFile": .string,
        "apiRoot": .string,
        "groups": .map(
            .object(
                telegramTopic.merging(["tools": .any, "toolsBySender": .any, "topics": .map(.object(telegramTopic))]) {
                    first,
                    _ in first
                }
            )
        ),
        "streamMode": .any, "draftChunk": .any, "customCommands": .any,
        "replyToMode": .choice(["off", "first", "all"]),
        "linkPreview": .bool,
        "timeoutSeconds": .any, "retry": .any, "network": .any, "proxy": .any,
        "webhookUrl": .string, "webhookSecret": .string, "webhookPath": .string, "webhookHost": .string,
        "webhookPort": .integer(1...65_535),
        "actions": .any, "reactionNotifications": reactionNotifications, "reactionLevel": .any, "ackReaction": .string,
        "direct": .any, "requireTopic": .any, "execApprovals": .any, "threadBindings": .any,
    ]) { first, _ in first }

    private static let discord: [String: Shape] = common.merging([
        "token": .string,
        "allowBots": .either(.bool, .choice(["mentions"])),
        "maxLinesPerMessage": .integer(0...2000),
        "retry": .any,
        "replyToMode": .choice(["off", "first", "all"]),
        "dm": .object([
            "enabled": .bool, "policy": dmPolicy, "allowFrom": .identifiers, "groupEnabled": .bool,
            "groupChannels": .identifiers,
        ]),
        "guilds": .map(
            .object([
                "slug": .string,
                "requireMention": .bool,
                "tools": .any, "toolsBySender": .any, "reactionNotifications": reactionNotifications,
                "users": .identifiers,
                "roles": .identifiers, "ignoreOtherMentions": .bool,
                "channels": .map(
                    .object([
                        "allow": .bool, "requireMention": .bool, "enabled": .bool, "users": .identifiers,
                        "tools": .any, "toolsBySender": .any, "skills": .any, "systemPrompt": .string,
                        "autoThread": .bool, "roles": .identifiers, "ignoreOtherMentions": .bool,
                        "includeThreadStarter": .any,
                    ])
                ),
            ])
        ),
        "intents": .object(["presence": .bool, "guildMembers": .bool]),
        "ackReaction": .string, "reactionNotifications": reactionNotifications,
        "actions": .any, "execApprovals": .any, "pluralkit": .any, "proxy": .any, "activity": .any,
        "status": .any, "activityType": .any, "activityUrl": .any, "voice": .any, "threadBindings": .any,
        "ui": .any, "streamMode": .any, "draftChunk": .any, "eventQueue": .any,
        "agentComponents": .any,
        "slashCommand": .any,
    ]) { first, _ in first }
}
