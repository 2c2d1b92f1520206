/// The keys of `openclaw.json`: everything the January 2026 schema and the newer documented files have.
///
/// A key that this version does not read is `any`: it is OpenClaw's, so it deserves no warning.
enum OpenClawSchema {
    static let root = Shape.object([
        "$schema": .string,
        "meta": .object(["lastTouchedVersion": .string, "lastTouchedAt": .any]),
        "wizard": .any,
        "env": .any,
        "update": .any,
        "identity": .any,
        "gateway": gateway,
        "agents": agents,
        "bindings": .list(binding),
        "auth": auth,
        "models": models,
        "channels": channels,
        "session": session,
        "messages": messages,
        "commands": commands,
        "logging": logging,
        "cron": .any, "hooks": .any, "browser": .any, "discovery": .any, "canvasHost": .any, "talk": .any,
        "skills": .any, "approvals": .any, "diagnostics": .any, "tools": .any, "ui": .any, "audio": .any,
        "media": .any, "broadcast": .any, "nodeHost": .any, "web": .any, "memory": .any, "secrets": .any,
        "plugins": plugins,
    ])

    static let port = Shape.integer(1...65535)

    private static let gateway = Shape.object([
        "port": port,
        "mode": .choice(["local", "remote"]),
        "bind": .choice(["auto", "lan", "loopback", "custom", "tailnet"]),
        "customBindHost": .string,
        "auth": .object([
            "mode": .choice(["token", "password", "none", "trusted-proxy"]),
            "token": .string,
            "password": .string,
            "allowTailscale": .bool,
            "rateLimit": .any,
            "trustedProxy": .any,
        ]),
        "trustedProxies": .strings,
        "allowRealIpFallback": .bool,
        "controlUi": .object([
            "enabled": .bool,
            "basePath": .string,
            "root": .string,
            "allowInsecureAuth": .bool,
            "dangerouslyDisableDeviceAuth": .bool,
            "allowedOrigins": .strings,
            "dangerouslyAllowHostHeaderOriginFallback": .bool,
        ]),
        "tailscale": .object(["mode": .choice(["off", "serve", "funnel"]), "resetOnExit": .bool]),
        "remote": .any,
        "reload": .object([
            "mode": .choice(["off", "restart", "hot", "hybrid"]), "debounceMs": .count, "deferralTimeoutMs": .any,
        ]),
        "tls": .any, "http": .any, "nodes": .any, "tools": .any, "push": .any, "webchat": .any,
        "channelHealthCheckMinutes": .any,
        // An old spelling that OpenClaw points out; so do we.
        "token": .any,
    ])

    static let model = Shape.either(.string, .object(["primary": .string, "fallbacks": .strings]))

    private static let agents = Shape.object([
        "defaults": .object([
            "model": model,
            "imageModel": .any,
            "models": .map(.object(["alias": .string, "params": .any, "streaming": .any])),
            "workspace": .string,
            "repoRoot": .any, "skipBootstrap": .any, "bootstrapMaxChars": .any,
            "bootstrapTotalMaxChars": .any, "imageMaxDimensionPx": .any, "pdfModel": .any,
            "userTimezone": .string,
            "timeFormat": .any, "envelopeTimezone": .any, "envelopeTimestamp": .any, "envelopeElapsed": .any,
            "contextTokens": .integer(1000...100_000_000),
            "cliBackends": .any, "contextPruning": .any, "compaction": .any, "thinkingDefault": .any,
            "verboseDefault": .any, "elevatedDefault": .any, "blockStreamingDefault": .any,
            "blockStreamingBreak": .any, "blockStreamingChunk": .any, "blockStreamingCoalesce": .any,
            "humanDelay": .any,
            "timeoutSeconds": .integer(1...86400),
            "mediaMaxMb": .any, "typingIntervalSeconds": .any, "typingMode": .any, "heartbeat": .any,
            "maxConcurrent": .integer(1...1000),
            "subagents": .any, "sandbox": .any, "memorySearch": .any, "skills": .any, "embeddedPi": .any,
        ]),
        "list": .list(
            .object([
                "id": .string,
                "default": .bool,
                "name": .string,
                "workspace": .string,
                "agentDir": .string,
                "model": model,
                "memorySearch": .any, "humanDelay": .any, "heartbeat": .any, "identity": .any,
                "groupChat": .object(["mentionPatterns": .strings, "historyLimit": .any]),
                "subagents": .any, "sandbox": .any, "tools": .any, "skills": .any, "params": .any, "runtime": .any,
            ])
        ),
    ])

    private static let binding = Shape.object([
        "agentId": .string,
        "comment": .any,
        "type": .any,
        "match": .object([
            "channel": .string,
            "accountId": .identifier,
            "peer": .object(["kind": .choice(["dm", "direct", "group", "channel"]), "id": .identifier]),
            "guildId": .identifier,
            "teamId": .identifier,
            "roles": .any,
        ]),
    ])

    private static let auth = Shape.object([
        "profiles": .map(
            .object(["provider": .string, "mode": .choice(["api_key", "oauth", "token"]), "email": .any])
        ),
        "order": .map(.strings),
        "cooldowns": .any,
    ])

    private static let models = Shape.object([
        "mode": .choice(["merge", "replace"]),
        "providers": .map(
            .object([
                "baseUrl": .string,
                "apiKey": .string,
                "auth": .any, "api": .any,
                "headers": .map(.string),
                "authHeader": .any, "models": .any, "injectNumCtxForOpenAICompat": .any,
            ])
        ),
        "bedrockDiscovery": .any,
    ])

    private static let session = Shape.object([
        "scope": .choice(["per-sender", "global"]),
        "dmScope": .choice(["main", "per-peer", "per-channel-peer", "per-account-channel-peer"]),
        "identityLinks": .map(.strings),
        "resetTriggers": .any, "reset": .any, "resetByType": .any, "resetByChannel": .any, "idleMinutes": .any,
        "heartbeatIdleMinutes": .any, "store": .any, "typingIntervalSeconds": .any, "typingMode": .any,
        "mainKey": .string,
        "sendPolicy": .any, "agentToAgent": .any, "maintenance": .any, "threadBindings": .any,
    ])

    private static let queueMode = Shape.choice([
        "collect", "followup", "steer", "steer-backlog", "steer+backlog", "interrupt", "queue",
    ])

    private static let messages = Shape.object([
        "messagePrefix": .any, "responsePrefix": .any,
        "groupChat": .object(["mentionPatterns": .strings, "historyLimit": .count]),
        "queue": .object([
            "mode": queueMode,
            "byChannel": .map(queueMode),
            "debounceMs": .count,
            "debounceMsByChannel": .map(.count),
            "cap": .integer(1...1000),
            "drop": .choice(["summarize", "old", "new"]),
        ]),
        "inbound": .object(["debounceMs": .count, "byChannel": .map(.count)]),
        "ackReaction": .string,
        "ackReactionScope": .choice(["off", "group-mentions", "group-all", "direct", "all"]),
        "removeAckAfterReply": .bool,
        "tts": .any,
        "suppressToolErrors": .any, "statusReactions": .any,
    ])

    private static let commands = Shape.object([
        "native": .any, "nativeSkills": .any, "text": .bool, "bash": .any, "bashForegroundMs": .any, "config": .any,
        "debug": .any, "restart": .bool, "useAccessGroups": .bool, "ownerAllowFrom": .any, "allowFrom": .any,
    ])

    private static let logging = Shape.object([
        "level": .choice(["silent", "fatal", "error", "warn", "info", "debug", "trace"]),
        "file": .string,
        "consoleLevel": .any, "consoleStyle": .any, "redactSensitive": .any, "redactPatterns": .any,
        "maxFileBytes": .any,
    ])

    private static let plugins = Shape.object([
        "enabled": .bool,
        "allow": .strings,
        "deny": .strings,
        "load": .any, "slots": .any,
        "entries": .map(.object(["enabled": .bool, "config": .any, "apiKey": .any, "env": .any, "hooks": .any])),
        "installs": .any,
    ])
}
