internal import IPCHub
internal import Logging
internal import Runtime

/// The polling loop: asks Telegram, hands what comes to the gateway, and confirms it with the next question only after
/// the gateway has journaled it. Every decision is `PollPlan`'s.
struct UpdatePoller {
    private let api: BotAPI
    private let account: String
    private let intake: ChannelIntake
    private let log: Logger
    private var plan = PollPlan(confirmed: nil)
    private var bot = Bot.User(id: 0)
    private var trouble: String?

    init(api: BotAPI, account: String, intake: ChannelIntake, log: Logger) {
        self.api = api
        self.account = account
        self.intake = intake
        self.log = log
    }

    /// Polls until it is cancelled. Throws `ChannelFatal` when Telegram does not know the token.
    mutating func run() async throws {
        bot = try await insist(.getMe, Bot.User.self)
        log.info("[\(account)] starting provider (@\(bot.username ?? String(bot.id)))")
        let webhook = try await insist(.getWebhookInfo, Bot.WebhookInfo.self)
        if webhook.url?.isEmpty == false {
            log.info("[\(account)] a webhook is set: deleting it, because webhook and polling exclude each other")
            _ = try await insist(.deleteWebhook, Bot.Present.self)
        }
        if let cursor = UpdateCursor(decoding: intake.cursor), cursor.bot == bot.id {
            plan = PollPlan(confirmed: cursor.update)
        }
        await report(nil)
        while true { try await follow(try await poll()) }
    }

    /// Repeats a call until it succeeds.
    private mutating func insist<Value: Decodable & Sendable>(_ call: BotCall, _ type: Value.Type) async throws -> Value
    {
        while true {
            switch await api.call(call, type) {
            case .success(let value): return value
            case .failure(let failure): try await follow(plan.failed(failure, random: .random(in: 0..<1)))
            }
        }
    }

    /// One question, and what to do after its answer.
    private mutating func poll() async throws -> PollPlan.Next {
        let before = plan.confirmed
        let began = ContinuousClock.now
        let answer: [UInt8]
        switch await api.bytes(.getUpdates(after: before, limit: plan.limit)) {
        case .failure(let failure): return plan.failed(failure, random: .random(in: 0..<1))
        case .success(let bytes): answer = bytes
        }
        try Task.checkCancellation()
        let cuts: [UpdateScanner.Cut]
        do {
            cuts = try UpdateScanner.updates(in: answer)
        } catch {
            return plan.failed(.unknown(error.description), random: .random(in: 0..<1))
        }
        let elapsed = ContinuousClock.now - began
        do {
            try await take(cuts, of: answer)
        } catch let refusal as ChannelRefusal {
            return plan.refused(refusal.description, random: .random(in: 0..<1))
        }
        await report(nil)
        return plan.answered(last: cuts.last?.id, before: before, elapsed: elapsed, random: .random(in: 0..<1))
    }

    /// Returns when the gateway has journaled the updates, but for those that are too big, which are reported.
    private mutating func take(_ cuts: [UpdateScanner.Cut], of answer: [UInt8]) async throws {
        var events: [ChannelEvent] = []
        for cut in cuts {
            guard cut.bytes.count <= TelegramLimits.updateBytes else {
                try await deliver(&events)
                await skip(cut.id, PollPlan.gap(cut.id))
                continue
            }
            events.append(
                ChannelEvent(
                    key: "telegram:\(account):upd:\(cut.id)",
                    raw: UpdateReader.journaled(answer[cut.bytes], to: bot),
                    cursor: UpdateCursor(bot: bot.id, update: cut.id).encoded
                )
            )
        }
        try await deliver(&events)
        if let last = cuts.last { plan.journaled(upTo: last.id) }
    }

    private func deliver(_ events: inout [ChannelEvent]) async throws {
        guard !events.isEmpty else { return }
        try await intake.deliver(events)
        events = []
    }

    private mutating func skip(_ update: Int64, _ gap: String) async {
        log.error("[\(account)] \(gap)")
        var status = status(nil)
        status.gap = gap
        await intake.status(status)
        await intake.move(to: UpdateCursor(bot: bot.id, update: update).encoded)
        // A gap is told once; the status that is kept for the next link is without it.
        await intake.status(self.status(nil))
    }

    private mutating func follow(_ next: PollPlan.Next) async throws {
        switch next {
        case .poll: return
        case .fatal(let reason): throw ChannelFatal(reason)
        case .skip(let cursor, let gap):
            await skip(cursor, gap)
            plan.journaled(upTo: cursor)
        case .wait(let duration, let trouble):
            if let trouble { await report(trouble) }
            try await Task.sleep(for: duration)
        }
    }

    /// Tells the operator how the account is, when that changed.
    private mutating func report(_ trouble: String?) async {
        guard self.trouble != trouble ?? "" else { return }
        if let trouble {
            log.warning("[\(account)] \(trouble)")
        } else if self.trouble?.isEmpty == false {
            log.info("[\(account)] Telegram answers again")
        }
        self.trouble = trouble ?? ""
        await intake.status(status(trouble))
    }

    private func status(_ trouble: String?) -> HubChannelStatus {
        var status = HubChannelStatus()
        status.connected = trouble == nil
        status.name = bot.username.map { "@\($0)" } ?? ""
        status.error = trouble ?? ""
        return status
    }
}
