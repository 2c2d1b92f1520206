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
    /// `<state>/media`: files that came and copies of those that go out, shared by all agents.
    package var mediaDirectory = ""
    /// Primary model, for `session_status` and the session store; the turn says which one to use.
    package var model = ""
    package var contextTokens = 200_000
    /// A turn longer than this is ended.
    package var timeoutSeconds = 600
    package var maxConcurrent = 4
    /// `agents.defaults.thinkingDefault`, as written; empty: nothing is said to the model.
    package var thinking = ""
    /// IANA name; empty: the host's.
    package var userTimezone = ""
    /// Of the times that the model is told: an IANA name; empty: the host's. From `agents.defaults.envelopeTimezone`.
    package var envelopeTimezone = ""
    package var envelopeTimestamp = true
    package var envelopeElapsed = true
    /// Version of the program.
    package var version = ""
    package var session = SessionConfig()
    /// Nil: nobody can be called.
    package var voice: AgentVoice?

    package init() {}
}

/// The CONFIG of a worker `channel:telegram:<account>`; the bot's token comes as SECRET `TELEGRAM_BOT_TOKEN`, the webhook's
/// secret as `TELEGRAM_WEBHOOK_SECRET`.
package struct TelegramConfig: Codable, Sendable, Equatable {
    package var account = "default"
    /// Base address of the Bot API, without a slash at its end: `https://api.telegram.org`.
    package var apiRoot = "https://api.telegram.org"
    /// Characters per message, at most 4096.
    package var textChunkLimit = 4000
    package var linkPreview = true
    /// Largest file that is fetched or sent.
    package var mediaMaxMegabytes = 5
    /// `https://…` that Telegram calls; empty: polling.
    package var webhookURL = ""
    /// Telegram calls what the hub says this worker's webhook is called (PUBLIC_URL); `webhookURL` does not count.
    package var usesTunnel = false
    package var webhookHost = "0.0.0.0"
    package var webhookPort = 8787
    package var webhookPath = "/telegram-webhook"
    /// Shown as the bot's menu; nil: left as it is; empty: cleared.
    package var commands: [NativeCommand]?
    /// `off`, `first`, `all`.
    package var replyToMode = "first"
    /// Whether anything written wants group messages that do not name the bot, which Telegram's privacy mode keeps back.
    package var needsAllMessages = false
    /// Numbers of the groups that the access list names.
    package var groups: [Int64] = []
    /// Whether messages wait for Telegram's limits before they are sent; nil: at Telegram's own address only.
    package var pacing: Bool?

    package init() {}
}

/// The CONFIG of a worker `channel:discord:<account>`; the bot's token comes as SECRET `DISCORD_BOT_TOKEN`.
package struct DiscordConfig: Codable, Sendable, Equatable {
    package var account = "default"
    /// Where Discord is, without a slash at its end; REST stands under `<apiRoot>/api/v10`. Only `clawhold.json` changes it.
    package var apiRoot = "https://discord.com"
    /// Characters per message, at most 2000.
    package var textChunkLimit = 2000
    /// `off`, `first`, `all`.
    package var replyToMode = "off"
    /// Largest file that is fetched or sent.
    package var mediaMaxMegabytes = 8
    /// Further intents: `channels.discord.intents`.
    package var presenceIntent = false
    package var guildMembersIntent = false
    /// Ids of channels whose messages are asked for again after a lost session; from the access lists.
    package var watchedChannels: [String] = []
    /// Registered as the bot's slash commands; nil: left as they are; empty: cleared.
    package var commands: [NativeCommand]?

    package init() {}
}

/// A command that networks show in their menus.
package struct NativeCommand: Codable, Sendable, Equatable {
    /// `[a-z0-9_]{1,32}`.
    package var name: String
    package var summary: String
    /// What may follow the name, as one text; empty: nothing.
    package var argument: String

    package init(_ name: String, _ summary: String, argument: String = "") {
        self.name = name
        self.summary = summary
        self.argument = argument
    }
}

/// The CONFIG of the worker `model:demo`.
package struct DemoConfig: Codable, Sendable, Equatable {
    package var version = ""
    /// Characters per second of its answers; 0: all at once.
    package var charactersPerSecond = 0

    package init() {}
}
