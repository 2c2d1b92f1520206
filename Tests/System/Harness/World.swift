import Glibc
import IPCControl

/// A gateway between chat networks and a model provider.
final class World: Sendable {
    static let telegramWorker = Chat.telegram.worker
    static let agentWorker = "agent:main"
    static let modelWorker = "model:anthropic"
    /// The one person who may talk, on Telegram.
    static let chat: Int64 = 42

    let model: ModelFake
    let gateway: Gateway
    private let telegramFake: BotAPI?
    private let discordFake: DiscordFake?

    private init(telegram: BotAPI?, discord: DiscordFake?, model: ModelFake, gateway: Gateway) {
        (telegramFake, discordFake) = (telegram, discord)
        self.model = model
        self.gateway = gateway
    }

    var telegram: BotAPI {
        get throws {
            guard let telegramFake else { throw TestFailure("this world has no Telegram") }
            return telegramFake
        }
    }

    var discord: DiscordFake {
        get throws {
            guard let discordFake else { throw TestFailure("this world has no Discord") }
            return discordFake
        }
    }

    func fake(_ chat: Chat) throws -> any ChatFake {
        switch chat {
        case .telegram: try telegram
        case .discord: try discord
        }
    }

    /// Starts the fakes that are not given, and a gateway on these networks.
    static func start(
        on chats: Set<Chat> = [.telegram],
        killPoints: [String] = [],
        telegram: BotAPI? = nil,
        discord: DiscordFake? = nil,
        model: ModelFake? = nil,
        state: StateDirectory? = nil,
        change: (inout Gateway.Setup) -> Void = { _ in }
    ) async throws -> World {
        var (telegram, discord) = (telegram, discord)
        if chats.contains(.telegram), telegram == nil { telegram = try await BotAPI() }
        if chats.contains(.discord), discord == nil { discord = try await DiscordFake() }
        let model = if let model { model } else { try await ModelFake() }
        var setup = Self.setup(telegram: telegram?.root, discord: discord?.root, model: model.root)
        setup.killPoints = killPoints
        change(&setup)
        let gateway = try await Gateway.start(setup, in: state)
        return World(telegram: telegram, discord: discord, model: model, gateway: gateway)
    }

    static func setup(telegram: String? = nil, discord: String? = nil, model: String) -> Gateway.Setup {
        var setup = Gateway.Setup(
            config: [
                "models": ["providers": ["anthropic": ["baseUrl": .string(model)]]],
                "agents": ["defaults": ["model": ["primary": "anthropic/claude-test"]]],
                // The proofs count an answer for every message.
                "messages": ["queue": ["mode": "followup"]],
            ],
            environment: ["ANTHROPIC_API_KEY": ModelFake.key]
        )
        if let telegram {
            setup.config = setup.config?.with(
                "channels",
                "telegram",
                value: ["apiRoot": .string(telegram), "dmPolicy": "allowlist", "allowFrom": [.integer(chat)]]
            )
            setup.environment["TELEGRAM_BOT_TOKEN"] = BotAPI.token
        }
        if let discord {
            setup.config = setup.config?.with(
                "channels",
                "discord",
                value: [
                    "dm": ["policy": "allowlist", "allowFrom": [.string(DiscordFake.ada)]],
                    "guilds": [DiscordFake.guild: ["requireMention": true]],
                ]
            )
            setup.ownConfig = (setup.ownConfig ?? [:]).with(
                "channels",
                "discord",
                "apiRoot",
                value: .string(discord)
            )
            setup.environment["DISCORD_BOT_TOKEN"] = DiscordFake.token
        }
        return setup
    }

    /// Writes in private and returns the text of what is said next, besides what the owner is told unasked.
    func ask(_ text: String, on chat: Chat = .telegram, within seconds: Double = 30) async throws -> String {
        let fake = try fake(chat)
        let before = try await fake.sent(from: 0, within: 0).count
        try await fake.say(text)
        do {
            var seen = before
            while true {
                let sent = try await fake.sent(count: seen + 1, within: seconds)
                let texts = sent[seen...].map { fake.text($0) ?? "" }
                if let answer = texts.first(where: { !$0.hasPrefix("⚠️ Clawhold:") }) { return answer }
                seen = sent.count
            }
        } catch {
            throw TestFailure("\(error)\nthe gateway said:\n\(gateway.process.tail())")
        }
    }

    /// Everything the bot has said to somebody's message, by a word that only it contains.
    func answers(to word: String, on chat: Chat = .telegram) async throws -> [String] {
        try await fake(chat).answers(to: word)
    }

    /// The texts that the journal of a stopped gateway marks as possible duplicates.
    func markedTexts() async throws -> [String] { try await JournalRows(gateway.state).marked }

    /// All lines of all transcripts.
    func transcript() throws -> [JSONValue] {
        try gateway.state.files(endingWith: ".jsonl").values.flatMap { text in
            try text.split(separator: "\n").map { try JSONValue($0.utf8) }
        }
    }

    /// Transcript messages of a role that contain `word`.
    func transcript(_ role: String, containing word: String) throws -> [JSONValue] {
        try transcript().filter { $0["message"]?["role"]?.string == role && $0.text.contains(word) }
    }
}
