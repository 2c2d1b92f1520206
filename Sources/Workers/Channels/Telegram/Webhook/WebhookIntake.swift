internal import ChannelHTTP
internal import Glibc
internal import IPCHub
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Runtime

/// Updates by webhook: listens, has Telegram call here, and tells it that an update arrived when it is journaled.
///
/// The cursor does not move: updates come side by side, and Telegram itself knows which of them it was told about. Polling
/// later goes on where it was; what the webhook took in the meantime Telegram has forgotten.
struct WebhookIntake {
    private var account: Account
    private let secret: String
    private let group: any EventLoopGroup
    private var plan = PollPlan(confirmed: nil)

    /// How often Telegram is asked how the webhook is doing.
    static let lookEvery = Duration.seconds(60)

    /// Throws `ChannelFatal` without a secret that Telegram takes.
    init(account: Account, secret: String, group: any EventLoopGroup) throws(ChannelFatal) {
        if let fatal = Self.check(secret) { throw fatal }
        self.account = account
        self.secret = secret
        self.group = group
    }

    /// Why webhook mode does not start with this secret; nil when it does.
    static func check(_ secret: String) -> ChannelFatal? {
        guard !WebhookRequest.isSecret(secret) else { return nil }
        return ChannelFatal(
            (secret.isEmpty
                ? "webhook mode needs a secret, or anybody could send this bot messages: "
                : "the webhook's secret may have letters, digits, _ and - only, 256 at most: ")
                + "set channels.telegram.webhookSecret (openssl rand -hex 32 makes one), or remove "
                + "channels.telegram.webhookUrl to go back to polling"
        )
    }

    /// Serves until it is cancelled. Throws `ChannelFatal` when Telegram does not know the token.
    mutating func run() async throws {
        try await account.open(&plan)
        let channel = try await listen()
        do {
            if account.settings.usesTunnel { try await serveThroughTunnel() } else { try await serve() }
        } catch {
            try? await channel.close()  // it ends with the process at the latest
            throw error
        }
    }

    private mutating func serve() async throws {
        let settings = account.settings
        let set = BotCall.setWebhook(settings.webhookURL, secret: secret)
        _ = try await account.insist(set, Bot.Present.self, &plan)
        account.log.info("[\(settings.account)] Telegram delivers to \(Self.shown(settings.webhookURL))")
        while true {
            await account.report(nil)
            try await Task.sleep(for: Self.lookEvery)
            guard case .success(let info) = await account.api.call(.getWebhookInfo, Bot.WebhookInfo.self) else {
                continue
            }
            if try await look(info, settings.webhookURL) { _ = try await account.insist(set, Bot.Present.self, &plan) }
        }
    }

    /// The address is a tunnel's: Telegram is told at every change of it. While there is none Telegram keeps the updates, for
    /// a day.
    private mutating func serveThroughTunnel() async throws {
        let (urls, path) = (account.intake.publicURLs, account.settings.webhookPath)
        // What Telegram delivers to, and what it was last asked to deliver to.
        var told = ""
        var tried = ""
        var pause = Self.lookEvery
        while true {
            let url = await urls.change(of: path, from: tried, within: pause)
            try Task.checkCancellation()
            tried = url
            pause = Self.lookEvery
            guard !url.isEmpty else {
                let why = urls.current(path)?.error ?? ""
                await account.report(
                    "webhook: no public address yet\(why.isEmpty ? "" : ": \(why)") (clawhold tunnel status)"
                )
                continue
            }
            if url == told, case .success(let info) = await account.api.call(.getWebhookInfo, Bot.WebhookInfo.self) {
                if try await look(info, url) { told = "" }
            }
            guard url != told else { continue }
            switch await account.api.call(.setWebhook(url, secret: secret), Bot.Present.self) {
            case .success:
                told = url
                account.log.info("[\(account.settings.account)] Telegram delivers to \(url)")
                await account.report(nil)
            case .failure(let failure):
                try Task.checkCancellation()
                switch plan.failed(failure, random: .random(in: 0..<1)) {
                case .fatal(let reason): throw ChannelFatal(reason)
                case .wait(let duration, let trouble):
                    await account.report(trouble)
                    pause = duration
                case .poll, .skip: pause = PollPlan.firstDelay
                }
            }
        }
    }

    /// What Telegram says of the webhook that is to be at `wanted`. True: it is to be set again.
    private mutating func look(_ info: Bot.WebhookInfo, _ wanted: String) async throws -> Bool {
        let url = info.url ?? ""
        if url.isEmpty {
            account.log.warning("[\(account.settings.account)] somebody removed the webhook: it is set again")
        } else if url != wanted {
            await account.warn(
                "webhook elsewhere: ",
                "another program had Telegram deliver this bot's messages to \(Self.shown(url)); stop it and restart this "
                    + "channel, or give one of the two a bot of its own"
            )
            return false
        }
        await account.warn("webhook elsewhere: ", nil)
        let failure = info.lastErrorMessage ?? ""
        let isStuck = !failure.isEmpty && (info.pendingUpdateCount ?? 0) > 0
        await account.warn(
            "webhook not reached: ",
            isStuck ? "Telegram says: \(failure.prefix(300)); \(info.pendingUpdateCount ?? 0) updates wait there" : nil
        )
        return url.isEmpty
    }

    /// An address without what may be secret in it, for the log.
    private static func shown(_ url: String) -> String { String(url.prefix { $0 != "?" }.prefix(200)) }

    // MARK: Listening

    private mutating func listen() async throws -> any Channel {
        let settings = account.settings
        let taker = WebhookTaker(account: account)
        let request = WebhookRequest(path: settings.webhookPath, secret: Array(secret.utf8))
        let listener = WebhookListener(request.rules) { await taker.answer($0.body) }
        while true {
            do {
                let channel = try await listener.bind(
                    host: settings.webhookHost,
                    port: settings.webhookPort,
                    group: group
                )
                account.log.info(
                    "[\(settings.account)] webhook listens on \(settings.webhookHost):\(settings.webhookPort)\(settings.webhookPath)"
                )
                return channel
            } catch {
                await account.report(Self.words(error, settings))
                try await Task.sleep(for: .seconds(5))
            }
        }
    }

    static func words(_ error: any Error, _ settings: TelegramSettings) -> String {
        let place = "\(settings.webhookHost):\(settings.webhookPort)"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            return
                "webhook: the port \(place) is in use: ss -ltnp 'sport = :\(settings.webhookPort)' shows by whom; stop that "
                + "program or set another channels.telegram.webhookPort (each account needs its own)"
        case EACCES:
            return "webhook: this worker may not listen on \(place): set channels.telegram.webhookPort above 1023"
        default:
            return "webhook: cannot listen on \(place) (\(error)): check channels.telegram.webhookHost and webhookPort"
        }
    }
}

/// Hands the updates of a webhook to the gateway.
private struct WebhookTaker: Sendable {
    private let account: Account

    init(account: Account) { self.account = account }

    /// Only 200 tells Telegram that an update arrived for good.
    func answer(_ body: [UInt8]) async -> WebhookAnswer {
        let status = await take(body)
        return WebhookAnswer(status, status == .ok ? "" : "try again later")
    }

    private func take(_ body: [UInt8]) async -> HTTPResponseStatus {
        let id: Int64
        do {
            id = try UpdateScanner.single(body)
        } catch {
            account.log.warning("[\(account.settings.account)] the webhook was sent what is no update: \(error)")
            return .badRequest
        }
        guard body.count <= TelegramLimits.updateBytes else {
            await account.report(gap: PollPlan.gap(id))
            return .ok
        }
        do {
            try await account.intake.deliver([account.event(id, body, cursor: account.cursor)])
        } catch {
            // The gateway cannot journal it now, or this worker ends: Telegram keeps it and comes again.
            return .serviceUnavailable
        }
        account.answerButtons([body])
        return .ok
    }
}
