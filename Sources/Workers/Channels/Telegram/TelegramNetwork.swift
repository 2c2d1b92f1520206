internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime
internal import Synchronization

/// One bot account: polls for updates and delivers answers. The calls are `BotAPI`'s, the decisions those of `PollPlan`,
/// `SendPlan` and `UpdateReader`.
final class TelegramNetwork: ChannelNetwork {
    private let api: BotAPI
    private let settings: TelegramSettings
    private let reader: UpdateReader
    private let log: Logger
    private let hasToken: Bool

    init(settings: TelegramSettings, token: String, group: any EventLoopGroup, log: Logger) {
        self.settings = settings
        self.log = log
        hasToken = Self.isPlausible(token)
        api = BotAPI(root: settings.apiRoot, token: token, group: group)
        let patterns = MentionPatterns(settings.mentionPatterns)
        for pattern in patterns.invalid {
            log.warning(
                "[\(settings.account)] mentionPatterns: \(pattern) is not a regular expression and never matches"
            )
        }
        reader = UpdateReader { patterns.match($0) }
    }

    func run(_ intake: ChannelIntake) async throws {
        guard hasToken else {
            throw ChannelFatal(
                "the Telegram bot token has an impossible form (wanted: digits, a colon, letters): check TELEGRAM_BOT_TOKEN "
                    + "or channels.telegram.botToken; @BotFather shows it under /mybots"
            )
        }
        var poller = UpdatePoller(api: api, account: settings.account, intake: intake, log: log)
        try await poller.run()
    }

    func normalize(_ raw: [UInt8]) -> ChannelNormalization {
        switch reader.read(raw) {
        case .message(let message): .message(message)
        case .ignored(let reason): .ignored(reason)
        }
    }

    func send(_ send: HubSend) async -> HubSendResult {
        guard var target = ReplyTarget(decoding: send.target) else {
            var result = HubSendResult()
            result.row = send.row
            result.outcome = .rejected
            result.error = "the answer's target is not one of Telegram's"
            return result
        }
        let isReply = settings.replyToMode == "all" || (settings.replyToMode == "first" && send.first)
        var isMoved = false
        while true {
            let call = BotCall.sendMessage(
                send.content.text,
                html: false,
                to: target,
                isReply: isReply,
                preview: settings.linkPreview
            )
            let outcome = await api.call(call, Bot.SentMessage.self).map(\.messageId)
            let step = SendPlan.next(
                outcome,
                row: send.row,
                inDoubt: send.inDoubt,
                wasMarkup: false,
                wasMoved: isMoved,
                random: Double.random(in: 0..<1)
            )
            switch step {
            case .report(let result):
                if result.outcome != .sent {
                    log.warning("[\(settings.account)] an answer was not sent: \(result.error)")
                }
                return result
            case .call(let chat):
                target.chat = chat
                isMoved = true
            case .callPlain: break
            }
        }
    }

    func activity(_ target: [UInt8]) async {
        guard let target = ReplyTarget(decoding: target) else { return }
        // Ephemeral: what is not shown is not missed.
        _ = await api.call(.typing(in: target), Bot.Present.self)
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
