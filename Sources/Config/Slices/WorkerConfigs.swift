/// The CONFIG of a worker `agent:<id>`.
package struct AgentConfig: Codable, Sendable, Equatable {
    package var id = "main"
    package var name = ""
    /// `<state>/agents/<id>/sessions`: `sessions.json` and the transcripts.
    package var sessionsDirectory = ""
    /// `<state>/agents/<id>/agent`.
    package var agentDirectory = ""
    /// The agent's own files; created by the agent when it is missing.
    package var workspace = ""
    /// Primary model, for `session_status` and the session store; the turn says which one to use.
    package var model = ""
    package var contextTokens = 200_000
    /// A turn longer than this is ended.
    package var timeoutSeconds = 600
    package var maxConcurrent = 4
    /// IANA name; empty: the host's.
    package var userTimezone = ""
    /// Version of the program.
    package var version = ""
    package var session = SessionConfig()

    package init() {}
}

/// The CONFIG of a worker `channel:telegram:<account>`; the bot's token comes as SECRET `TELEGRAM_BOT_TOKEN`.
package struct TelegramConfig: Codable, Sendable, Equatable {
    package var account = "default"
    /// Base address of the Bot API, without a slash at its end: `https://api.telegram.org`.
    package var apiRoot = "https://api.telegram.org"
    /// Characters per message, at most 4096.
    package var textChunkLimit = 4000
    /// Regular expressions that count as a mention besides the bot's name.
    package var mentionPatterns: [String] = []
    package var linkPreview = true
    /// `off`, `first`, `all`.
    package var replyToMode = "first"

    package init() {}
}

/// The CONFIG of the worker `model:anthropic`; its secret comes as SECRET `ANTHROPIC_API_KEY` or `ANTHROPIC_OAUTH_TOKEN`.
package struct AnthropicConfig: Codable, Sendable, Equatable {
    /// Without `/v1/messages` and without a slash at its end: `https://api.anthropic.com`.
    package var baseURL = "https://api.anthropic.com"
    /// Further headers of `models.providers.anthropic.headers`; may hold secrets: never logged.
    package var headers: [String: String] = [:]
    /// How long a call may take in each phase; 0: the worker's own figures. From `clawhold.json`, `models.timeouts`.
    package var connectMilliseconds = 0
    package var headMilliseconds = 0
    package var firstContentMilliseconds = 0
    package var idleMilliseconds = 0
    package var totalMilliseconds = 0

    package init() {}
}

/// The CONFIG of the worker `model:demo`.
package struct DemoConfig: Codable, Sendable, Equatable {
    package var version = ""
    /// Characters per second of its answers; 0: all at once.
    package var charactersPerSecond = 0

    package init() {}
}
