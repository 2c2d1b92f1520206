internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime
internal import Synchronization

/// One bot account: gets updates by polling or by webhook and delivers answers. The calls are `BotAPI`'s, the decisions
/// those of `PollPlan`, `SendScript`, `SendPlan` and `UpdateReader`.
final class TelegramNetwork: ChannelNetwork {
    let media: (any MediaOwner)?
    private let api: BotAPI
    private let settings: TelegramSettings
    private let reader: UpdateReader
    private let sender: Sender
    private let log: Logger
    private let group: any EventLoopGroup
    private let hasToken: Bool
    private let webhookSecret: String

    /// - Parameter fetch: how the files of other workers are had.
    init(
        settings: TelegramSettings,
        token: String,
        webhookSecret: String,
        owner: String,
        group: any EventLoopGroup,
        log: Logger,
        fetch: @escaping Sender.Fetch
    ) {
        self.settings = settings
        self.log = log
        self.group = group
        self.webhookSecret = webhookSecret
        hasToken = Self.isPlausible(token)
        api = BotAPI(root: settings.apiRoot, token: token, group: group)
        let seal = FileSeal(token: token)
        media = TelegramFiles(api: api, seal: seal)
        reader = UpdateReader(owner: owner, commands: Set((settings.commands ?? []).map(\.name)), seal: seal)
        sender = Sender(api: api, settings: settings, log: log, fetch: fetch)
    }

    func run(_ intake: ChannelIntake) async throws {
        guard hasToken else {
            throw ChannelFatal(
                "the Telegram bot token has an impossible form (wanted: digits, a colon, letters): check TELEGRAM_BOT_TOKEN "
                    + "or channels.telegram.botToken; @BotFather shows it under /mybots"
            )
        }
        if settings.webhookURL.isEmpty, !settings.usesTunnel {
            var poller = UpdatePoller(api: api, settings: settings, intake: intake, log: log)
            try await poller.run()
        } else {
            var webhook = try WebhookIntake(
                account: Account(api: api, settings: settings, intake: intake, log: log, mode: "webhook"),
                secret: webhookSecret,
                group: group
            )
            try await webhook.run()
        }
    }

    func normalize(_ raw: [UInt8]) -> ChannelNormalization {
        switch reader.read(raw) {
        case .message(let message): .message(message)
        case .ignored(let reason): .ignored(reason)
        }
    }

    func send(_ send: HubSend) async -> HubSendResult { await sender.send(send) }

    func activity(_ target: [UInt8]) async {
        guard let target = ReplyTarget(decoding: target) else { return }
        // Ephemeral: what is not shown is not missed.
        _ = await api.call(.typing(in: target), Bot.Present.self)
    }

    func answer(method: String, params: [UInt8]) async -> [UInt8]? {
        guard method == "probe" else { return nil }
        let probe = TelegramProbe(api: api, groups: settings.groups, needsAllMessages: settings.needsAllMessages)
        return await probe.answer(params)
    }

    /// Guards the address that the token becomes part of: `123456:ABC-def_1`.
    static func isPlausible(_ token: String) -> Bool {
        let halves = token.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty, token.utf8.count <= 256 else { return false }
        return halves[0].allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            && halves[1].allSatisfy { byte in
                let scalar = Unicode.Scalar(byte)
                return scalar.isASCII
                    && (scalar.properties.isAlphabetic || "0123456789_-".unicodeScalars.contains(scalar))
            }
    }
}
