internal import Config
internal import IPCHub
internal import Journal

/// The delivery contract as a pure machine: `(state, event, now) -> effects`.
///
/// The truth is in the journal; what is held here is what is in workers' hands at the moment, and comes back with their
/// HELLO after a restart of the gateway. Every commit is an effect, and what follows from it happens when it is reported
/// as committed. Times are milliseconds since 1970.
struct DeliveryCore {
    let config: GatewayConfig
    let limits: DeliveryLimits
    let router: Router
    let access: [String: ChannelAccess]
    /// By agent: what in a group counts as its name.
    let patterns: [String: [MentionPattern]]

    var links: [String: LinkState] = [:]
    var table: [String: WorkerRow] = [:]
    /// By turn id.
    var turns: [String: RunningTurn] = [:]
    /// Events that are with a channel's worker for parsing, by row.
    var inbox: [Int64: (channel: String, event: InboxRow)] = [:]
    /// Chunks that are with a channel's worker, by row.
    var sends: [Int64: (channel: String, row: OutboxRow)] = [:]
    /// Agents that have turns waiting.
    var wanted: Set<String> = []
    var askedAt: [String: Int64] = [:]
    /// When a channel's next chunk may go.
    var dueAt: [String: Int64] = [:]
    var refused: [String: RefusedEvents] = [:]
    /// By channel, while there are any.
    var taking: [String: TakingIn] = [:]
    var owed = OwedCommits()
    var ignored = IgnoredMessages()
    var questions = Questions()
    /// Questions of workers that are being answered.
    var askedCount = 0
    /// Dead below this: the highest incarnation whose death was told.
    var deadUpTo: [String: UInt64] = [:]
    /// Incarnations that live, until claims of earlier ones were looked for.
    var sweeps: [String: (incarnation: UInt64, at: Int64)] = [:]
    /// What each channel's worker last said of itself, and when that began.
    var channelStatus: [String: ChannelLinkStatus] = [:]
    /// Why nothing is taken in; empty: it is.
    var intakeStopped = ""
    var isDraining = false
    var isShutdown = false
    var prunedAt: Int64 = 0
    /// Retention has more to do than it did in one go.
    var mayPruneMore = false
    /// When something that waits for quiet is due.
    var wakeAt: Int64?
    /// When rows for the ledger have waited long enough for others.
    var ledgerAt: Int64?
    /// Messages that were too old for their turn, by channel, not yet told of.
    var expired: [String: Int] = [:]
    var expiredAt: Int64 = 0
    /// By worker: who was let in by pairing.
    var paired: [String: SenderList] = [:]
    var pairedReadAt: Int64 = 0
    var alerts: OwnerAlerts
    let ledger: LedgerReading
    /// What today cost, while a limit wants to know.
    var spending: SpendBook
    /// The day that is being read from the journal; empty: none.
    var readingDay = ""
    var notices = ToldNotices()
    /// What the outside calls us.
    var urls: PublicURLBook
    /// The time of the event at hand.
    private(set) var clock: Int64?

    private(set) var effects: [DeliveryEffect] = []

    init(config: GatewayConfig, limits: DeliveryLimits = DeliveryLimits()) {
        var limits = limits
        limits.turnsAtOnce = max(1, config.maxConcurrent)
        limits.queueRules = QueueRules(config)
        limits.maxAge = Int64(min(max(0, config.queue.maxAgeHours), 100_000)) * 3_600_000
        for channel in config.channels where channel.isTelephone {
            limits.maxAgeByChannel[channel.worker] = DeliveryLimits.callAge
        }
        self.config = config
        self.limits = limits
        router = Router(config: config)
        alerts = OwnerAlerts(config.alerts)
        ledger = LedgerReading(prices: PriceTable(config.prices), day: limits.day)
        spending = SpendBook(config.spend)
        urls = PublicURLBook(config.tunnels)
        access = Dictionary(config.channels.map { ($0.worker, $0) }) { first, _ in first }
        // The plan has said which are wrong.
        patterns = Dictionary(config.agents.map { ($0.id, $0.mentionPatterns.compactMap { try? MentionPattern($0) }) })
        {
            first,
            _ in first
        }
    }

    /// One event in, everything that follows from it out.
    mutating func handle(_ event: DeliveryEvent, now: Int64) -> [DeliveryEffect] {
        effects = []
        clock = now
        switch event {
        case .began(let epoch):
            effect(.readPaired)
            commit(.owners)
            commit(.adopt(epoch: epoch))
            readSpending(now)
        case .linked(let worker, let link, let hello): linked(worker, link, hello)
        case .unlinked(let worker, let link): unlinked(worker, link)
        case .frame(let worker, let link, let message): frame(worker, link, message, now)
        case .row(let row): rowChanged(row, now)
        case .exit(let exit): exited(exit, now)
        case .gone(let worker): gone(worker)
        case .committed(let commit, let result): committed(commit, result, now)
        case .chat(let token, let message): chat(token, message)
        case .stop(let token, let key, let runID, let reason): stop(token, key, runID, reason)
        case .question(let token, let worker, let method, let params):
            question(token, worker, method, params, now)
        case .answered(let question, let answer): answered(question, answer)
        case .intakeStopped(let reason): intakeChanged(reason)
        case .tick: tick(now)
        case .due:
            released(now)
            // A timer may be early by the clock that counts.
            if let time = wakeAt { effect(.wake(at: time)) }
            ledgerAt = nil
            pumpLedgers(now)
        case .order(let token, let order, let id): commit(.order(token: token, order, id))
        case .notify(let channel, let notice, let origin): notify(channel, notice, origin: origin)
        case .paired(let stranger, let answer): paired(stranger, answer, now)
        case .admitted(let lists): admitted(lists)
        case .drain(let isShutdown, let epoch): drain(isShutdown, epoch, now)
        }
        return effects
    }

    /// Whether nothing is in anybody's hands.
    var isIdle: Bool { turns.isEmpty && sends.isEmpty && inbox.isEmpty }

    // MARK: Effects

    mutating func effect(_ effect: DeliveryEffect) { effects.append(effect) }
    mutating func commit(_ commit: Commit) { effects.append(.commit(commit)) }

    /// Something that waits for quiet is due then.
    mutating func wake(at time: Int64?) {
        guard let time, time < wakeAt ?? .max else { return }
        wakeAt = time
        effect(.wake(at: time))
    }

    /// It may be due: the journal knows.
    mutating func released(_ now: Int64) {
        guard let time = wakeAt, time <= now else { return }
        wakeAt = nil
        commit(.releaseDue)
    }

    mutating func publish(_ event: ConversationEvent) { effects.append(.publish(event)) }

    mutating func send(_ link: Int, _ message: HubMessage, reach: String? = nil) {
        effects.append(.send(link: link, message, reach: reach))
    }

    mutating func log(_ level: DeliveryLog.Level, _ text: String, about worker: String? = nil) {
        effects.append(.log(DeliveryLog(level: level, subsystem: Self.subsystem(of: worker), text: text)))
    }

    /// A channel speaks under its network's name, everything else under the gateway's.
    static func subsystem(of worker: String?) -> String {
        let parts = (worker ?? "").split(separator: ":")
        return parts.count > 1 && parts[0] == "channel" ? String(parts[1]) : "gateway"
    }

    /// The link that a frame came on or a commit was made for, while it is the worker's link.
    func current(_ worker: String, _ link: Int) -> LinkState? {
        guard let state = links[worker], state.id == link else { return nil }
        return state
    }
}
