internal import FoundationEssentials

/// What the plan tells this worker (its CONFIG); `TelegramConfig` of the module Config writes it.
struct TelegramSettings: Decodable, Equatable, Sendable {
    var account = "default"
    /// Base address of the Bot API, without a slash at its end.
    var apiRoot = "https://api.telegram.org"
    var linkPreview = true
    /// `off`, `first`, `all`: which chunks mark the message that they answer.
    var replyToMode = "first"
    /// Largest file that is sent.
    var mediaMaxMegabytes = 5
    /// Address that Telegram calls; empty: polling.
    var webhookURL = ""
    /// Telegram calls what a tunnel of ours is called; `webhookURL` does not count.
    var usesTunnel = false
    var webhookHost = "0.0.0.0"
    var webhookPort = 8787
    var webhookPath = "/telegram-webhook"
    /// The bot's menu; nil: left as it is; empty: cleared.
    var commands: [MenuCommand]?
    /// Groups whose messages are wanted without a mention, and the like: Telegram's privacy mode would keep them back.
    var needsAllMessages = false
    /// Numbers of the groups that are written in the configuration.
    var groups: [Int64] = []
    /// Whether messages are held back so that Telegram has no reason to say 429; nil: at Telegram's own address only.
    var pacing: Bool?

    static let ownRoot = "https://api.telegram.org"

    var isPaced: Bool { pacing ?? (apiRoot == Self.ownRoot) }

    private enum CodingKeys: CodingKey {
        case account, apiRoot, linkPreview, replyToMode, mediaMaxMegabytes, webhookURL, usesTunnel, webhookHost
        case webhookPort, webhookPath, commands, needsAllMessages, groups, pacing
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, _ value: Value) throws -> Value {
            try values.decodeIfPresent(Value.self, forKey: key) ?? value
        }
        account = try read(.account, account)
        apiRoot = try read(.apiRoot, apiRoot)
        linkPreview = try read(.linkPreview, linkPreview)
        replyToMode = try read(.replyToMode, replyToMode)
        mediaMaxMegabytes = try read(.mediaMaxMegabytes, mediaMaxMegabytes)
        webhookURL = try read(.webhookURL, webhookURL)
        usesTunnel = try read(.usesTunnel, usesTunnel)
        webhookHost = try read(.webhookHost, webhookHost)
        webhookPort = try read(.webhookPort, webhookPort)
        webhookPath = try read(.webhookPath, webhookPath)
        commands = try values.decodeIfPresent([MenuCommand].self, forKey: .commands)
        needsAllMessages = try read(.needsAllMessages, needsAllMessages)
        groups = try read(.groups, groups)
        pacing = try values.decodeIfPresent(Bool.self, forKey: .pacing)
        while apiRoot.hasSuffix("/") { apiRoot.removeLast() }
        if !webhookPath.hasPrefix("/") { webhookPath = "/" + webhookPath }
    }

    init(decoding config: some Sequence<UInt8>) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(config))
    }
}
