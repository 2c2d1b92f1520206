internal import IPCHub
internal import Logging
internal import Runtime

/// What the operator is told about the account, and what both ways of getting updates share: who the bot is, its menu,
/// what Telegram keeps back.
struct Account {
    let api: BotAPI
    let settings: TelegramSettings
    let intake: ChannelIntake
    let log: Logger
    /// `polling` or `webhook`.
    let mode: String
    private(set) var bot = Bot.Me(id: 0)
    var cursor = UpdateCursor(bot: 0)
    private var warnings: [String] = []
    private var trouble: String?
    /// Failures since the account was last well.
    private var reconnects: UInt32 = 0
    /// It was well once; what Telegram keeps back was logged then.
    private var isOpen = false

    init(api: BotAPI, settings: TelegramSettings, intake: ChannelIntake, log: Logger, mode: String) {
        self.api = api
        self.settings = settings
        self.intake = intake
        self.log = log
        self.mode = mode
    }

    /// Asks who the bot is, reads the cursor and settles the menu. Repeats what fails until it succeeds.
    ///
    /// Throws `ChannelFatal` when Telegram does not know the token.
    mutating func open(_ plan: inout PollPlan) async throws {
        bot = try await insist(.getMe, Bot.Me.self, &plan)
        log.info("[\(settings.account)] starting provider (@\(bot.username ?? String(bot.id)))")
        cursor = UpdateCursor(bot: bot.id)
        if let known = UpdateCursor(decoding: intake.cursor), known.bot == bot.id { cursor = known }
        if settings.needsAllMessages, bot.canReadAllGroupMessages == false {
            warnings.append(
                "privacy mode is on: Telegram keeps group messages back that do not name @\(bot.username ?? "the bot"), and the "
                    + "configuration wants them. In the chat with @BotFather type /setprivacy, choose the bot, press Disable; "
                    + "then remove the bot from the group and add it again"
            )
        }
        await settleMenu()
    }

    /// Repeats a call until it succeeds.
    mutating func insist<Value: Decodable & Sendable>(
        _ call: BotCall,
        _ type: Value.Type,
        _ plan: inout PollPlan
    ) async throws -> Value {
        while true {
            switch await api.call(call, type) {
            case .success(let value): return value
            case .failure(let failure):
                try Task.checkCancellation()
                switch plan.failed(failure, random: .random(in: 0..<1)) {
                case .fatal(let reason): throw ChannelFatal(reason)
                case .wait(let duration, let trouble):
                    await report(trouble)
                    try await Task.sleep(for: duration)
                case .poll, .skip: try await Task.sleep(for: PollPlan.firstDelay)
                }
            }
        }
    }

    /// Shows the commands in Telegram's menu when they are not the ones that it was told last.
    private mutating func settleMenu() async {
        guard let wanted = settings.commands else { return }
        let commands = MenuCommand.valid(wanted)
        let hash = commands.isEmpty ? "" : MenuCommand.hash(commands)
        // An empty cursor and an empty menu say the same; one call too many at the very first start does no harm.
        guard hash != cursor.menu || hash.isEmpty && cursor.update == nil else { return }
        let call = commands.isEmpty ? BotCall.deleteMyCommands : BotCall.setMyCommands(commands)
        switch await api.call(call, Bot.Present.self) {
        case .success:
            cursor.menu = hash
            await intake.move(to: cursor.encoded)
        case .failure(let failure):
            log.warning("[\(settings.account)] the menu of commands was not set: \(failure.words)")
        }
    }

    /// Ends the waiting sign on the buttons that `updates` tell of. To be called when they are journaled.
    func answerButtons(_ updates: [[UInt8]]) {
        let ids = updates.compactMap { UpdateScanner.callbackID(in: $0) }.prefix(100)
        guard !ids.isEmpty else { return }
        // Ends by the calls' own time limit. What is not answered shows a waiting sign for a while, nothing more.
        Task { [api] in
            for id in ids { _ = await api.call(.answerCallbackQuery(id), Bot.Present.self) }
        }
    }

    /// Adds or, with nil, takes away the one warning that begins with `start`.
    mutating func warn(_ start: String, _ text: String?) async {
        let others = warnings.filter { !$0.hasPrefix(start) }
        let all = others + (text.map { [start + $0] } ?? [])
        guard all != warnings else { return }
        warnings = all
        if let text { log.warning("[\(settings.account)] \(start)\(text)") }
        await intake.status(status(trouble?.isEmpty == false ? trouble : nil))
    }

    /// Tells the operator how the account is: trouble each time that it comes up, its end once. The log has each trouble
    /// once.
    mutating func report(_ trouble: String?) async {
        let before = self.trouble
        self.trouble = trouble ?? ""
        if let trouble {
            reconnects = reconnects == .max ? .max : reconnects + 1
            if before != trouble { log.warning("[\(settings.account)] \(trouble)") }
        } else {
            guard before != "" else { return }
            reconnects = 0
            if before != nil { log.info("[\(settings.account)] Telegram answers again") }
            if !isOpen { for warning in warnings { log.warning("[\(settings.account)] \(warning)") } }
            isOpen = true
        }
        await intake.status(status(trouble))
    }

    /// Tells once that something was lost.
    func report(gap: String) async {
        log.error("[\(settings.account)] \(gap)")
        var status = status(nil)
        status.gap = gap
        await intake.status(status)
    }

    func status(_ trouble: String?) -> HubChannelStatus {
        var status = HubChannelStatus()
        status.connected = trouble == nil
        status.name = bot.username.map { "@\($0)" } ?? ""
        status.error = trouble ?? ""
        status.warnings = warnings
        status.botID = bot.id == 0 ? "" : String(bot.id)
        status.mode = mode
        status.reconnects = reconnects
        return status
    }

    /// The event that is journaled for one update.
    func event(_ id: Int64, _ update: [UInt8], cursor: UpdateCursor) -> ChannelEvent {
        ChannelEvent(
            key: "telegram:\(settings.account):upd:\(id)",
            raw: UpdateReader.journaled(update, to: bot.user),
            cursor: cursor.encoded
        )
    }
}
