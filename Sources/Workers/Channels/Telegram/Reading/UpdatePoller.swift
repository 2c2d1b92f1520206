internal import IPCHub
internal import Logging
internal import Runtime

/// The polling loop: asks Telegram, hands what comes to the gateway, and confirms it with the next question only after
/// the gateway has journaled it. Every decision is `PollPlan`'s.
struct UpdatePoller {
    private var account: Account
    private var plan = PollPlan(confirmed: nil)

    init(api: BotAPI, settings: TelegramSettings, intake: ChannelIntake, log: Logger) {
        account = Account(api: api, settings: settings, intake: intake, log: log, mode: "polling")
    }

    /// Polls until it is cancelled. Throws `ChannelFatal` when Telegram does not know the token.
    mutating func run() async throws {
        try await account.open(&plan)
        let webhook = try await account.insist(.getWebhookInfo, Bot.WebhookInfo.self, &plan)
        if webhook.url?.isEmpty == false {
            account.log.info(
                "[\(account.settings.account)] a webhook is set: deleting it, because webhook and polling exclude each other"
            )
            _ = try await account.insist(.deleteWebhook, Bot.Present.self, &plan)
        }
        plan = PollPlan(confirmed: account.cursor.update)
        await account.report(nil)
        while true { try await follow(try await poll()) }
    }

    /// One question, and what to do after its answer.
    private mutating func poll() async throws -> PollPlan.Next {
        let before = plan.confirmed
        let began = ContinuousClock.now
        let answer: [UInt8]
        switch await account.api.bytes(.getUpdates(after: before, limit: plan.limit)) {
        case .failure(let failure):
            // A poll that is given up because the worker leaves is no trouble.
            try Task.checkCancellation()
            return plan.failed(failure, random: .random(in: 0..<1))
        case .success(let bytes): answer = bytes
        }
        try Task.checkCancellation()
        let cuts: [UpdateScanner.Cut]
        do {
            cuts = try UpdateScanner.updates(in: answer)
        } catch {
            return plan.failed(.unknown("the answer to getUpdates is \(error)"), random: .random(in: 0..<1))
        }
        let elapsed = ContinuousClock.now - began
        do {
            try await take(cuts, of: answer)
        } catch let refusal as ChannelRefusal {
            return plan.refused(refusal.description, random: .random(in: 0..<1))
        }
        await account.report(nil)
        return plan.answered(last: cuts.last?.id, before: before, elapsed: elapsed, random: .random(in: 0..<1))
    }

    /// Returns when the gateway has journaled the updates, but for those that are too big, which are reported.
    private mutating func take(_ cuts: [UpdateScanner.Cut], of answer: [UInt8]) async throws {
        var updates: [(id: Int64, bytes: [UInt8])] = []
        for cut in cuts {
            guard cut.bytes.count <= TelegramLimits.updateBytes else {
                try await deliver(&updates)
                await skip(cut.id, PollPlan.gap(cut.id))
                continue
            }
            updates.append((cut.id, Array(answer[cut.bytes])))
        }
        try await deliver(&updates)
        if let last = cuts.last { plan.journaled(upTo: last.id) }
    }

    private mutating func deliver(_ updates: inout [(id: Int64, bytes: [UInt8])]) async throws {
        guard !updates.isEmpty else { return }
        var events: [ChannelEvent] = []
        for update in updates {
            account.cursor.update = update.id
            events.append(account.event(update.id, update.bytes, cursor: account.cursor))
        }
        try await account.intake.deliver(events)
        account.answerButtons(updates.map(\.bytes))
        updates = []
    }

    private mutating func skip(_ update: Int64, _ gap: String) async {
        await account.report(gap: gap)
        account.cursor.update = update
        await account.intake.move(to: account.cursor.encoded)
    }

    private mutating func follow(_ next: PollPlan.Next) async throws {
        switch next {
        case .poll: return
        case .fatal(let reason): throw ChannelFatal(reason)
        case .skip(let cursor, let gap):
            await skip(cursor, gap)
            plan.journaled(upTo: cursor)
        case .wait(let duration, let trouble):
            if let trouble { await account.report(trouble) }
            try await Task.sleep(for: duration)
        }
    }
}
