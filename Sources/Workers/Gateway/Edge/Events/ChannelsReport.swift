internal import Config
internal import Journal

/// `channels.status`: what is written down, what the supervisor says of the workers, what they say of their networks and
/// what the journal holds, as one (spec/channels-voice-tunnel.md 2.7, `docs/rpc.md`).
struct ChannelsReport: Sendable {
    let config: GatewayConfig
    let workers: [String: WorkerRow]
    let facts: [String: ChannelFacts]
    /// By worker; nil where nobody was asked.
    var probes: [String: WireValue] = [:]
    /// Pairing requests that wait, by channel.
    var pairing: [String: Int] = [:]

    init(config: GatewayConfig, workers: [WorkerRow], facts: [String: ChannelFacts]) {
        self.config = config
        self.workers = Dictionary(workers.map { ($0.id, $0) }) { first, _ in first }
        self.facts = facts
    }

    /// One account.
    struct Account: Sendable {
        var channel: String
        var account: String
        var listing: ChannelListing?
        var worker: String { channel == "webchat" ? "webchat" : "channel:\(channel):\(account)" }
    }

    /// Channels in the order that OpenClaw lists them, others behind, ours last.
    private static let order = ["telegram", "whatsapp", "discord", "googlechat", "slack", "signal", "imessage"]
    private static let labels = [
        "telegram": "Telegram", "whatsapp": "WhatsApp", "discord": "Discord", "googlechat": "Google Chat",
        "slack": "Slack", "signal": "Signal", "imessage": "iMessage", "voice-call": "Telephone", "webchat": "WebChat",
    ]

    static func label(_ channel: String) -> String {
        labels[channel] ?? channel.prefix(1).uppercased() + channel.dropFirst()
    }

    /// Every account: of the configuration, of the worker table, and WebChat.
    static func accounts(config: GatewayConfig, workers: [WorkerRow]) -> [Account] {
        var accounts = config.listings.map { Account(channel: $0.channel, account: $0.account, listing: $0) }
        for row in workers {
            guard let worker = HealthReport.ChannelWorker(row) else { continue }
            guard !accounts.contains(where: { $0.worker == row.id }) else { continue }
            accounts.append(Account(channel: worker.channel, account: worker.account))
        }
        let sorted = accounts.sorted { first, second in
            let ranks = (rank(first.channel), rank(second.channel))
            if ranks.0 != ranks.1 { return ranks.0 < ranks.1 }
            if first.channel != second.channel { return first.channel < second.channel }
            // The default account first: it is the one that summaries show.
            let isDefault = (first.account == "default", second.account == "default")
            return isDefault.0 == isDefault.1 ? first.account < second.account : isDefault.0
        }
        return sorted + [Account(channel: "webchat", account: "default")]
    }

    static func rank(_ channel: String) -> Int { order.firstIndex(of: channel) ?? order.count }

    // MARK: The payload

    func payload(wall: Int64) -> WireValue {
        let accounts = Self.accounts(config: config, workers: Array(workers.values))
        var ids: [String] = []
        for account in accounts where ids.last != account.channel { ids.append(account.channel) }
        let groups = ids.map { id in (id, accounts.filter { $0.channel == id }) }
        func perChannel(_ value: (String, [Account]) -> WireValue) -> WireValue {
            WireValue(members: groups.map { ($0.0, value($0.0, $0.1)) })
        }
        return [
            "ts": .integer(wall),
            "channelOrder": .array(ids.map(WireValue.string)),
            "channelLabels": perChannel { id, _ in .string(Self.label(id)) },
            "channelDetailLabels": perChannel { id, _ in .string(Self.label(id)) },
            "channelSystemImages": .object([]),
            "channelMeta": .array(
                ids.map {
                    ["id": .string($0), "label": .string(Self.label($0)), "detailLabel": .string(Self.label($0))]
                }
            ),
            "channels": perChannel { _, accounts in
                accounts.first.map { summary($0, wall) } ?? .object([])
            },
            "channelAccounts": perChannel { _, accounts in .array(accounts.map { snapshot($0, wall) }) },
            "channelDefaultAccountId": perChannel { _, accounts in .string(accounts.first?.account ?? "default") },
        ]
    }

    /// The channel as a whole: what OpenClaw's page shows on a card, taken from the account's snapshot.
    private func summary(_ account: Account, _ wall: Int64) -> WireValue {
        let shown = [
            "configured", "tokenSource", "running", "connected", "mode", "lastStartAt", "lastStopAt", "lastError",
            "probe",
            "lastProbeAt",
        ]
        return .object((snapshot(account, wall).members ?? []).filter { shown.contains($0.name) })
    }

    private func snapshot(_ account: Account, _ wall: Int64) -> WireValue {
        let row = workers[account.worker]
        let facts = facts[account.worker] ?? ChannelFacts()
        let access = config.channels.first { $0.worker == account.worker }
        let probe = probes[account.worker]
        let isWebChat = account.channel == "webchat"
        let isRunning = isWebChat || row.map { ["starting", "ready", "draining"].contains($0.state) } ?? false
        let isConnected = isWebChat || (row?.state == "ready" && facts.isConnected)
        let source = account.listing?.tokenSource ?? .none
        return [
            "accountId": .string(account.account),
            "name": .nonEmpty(account.listing?.name.isEmpty == false ? account.listing?.name ?? "" : facts.name),
            "enabled": .bool(account.listing?.isEnabled ?? true),
            "configured": .bool(isWebChat || row != nil || source != .none),
            "running": .bool(isRunning),
            "connected": .bool(isConnected),
            "reconnectAttempts": .number(facts.reconnects),
            "lastConnectedAt": time(facts.connectedAt),
            "lastDisconnect": facts.disconnectedAt > 0
                ? ["at": .integer(facts.disconnectedAt), "error": .nonEmpty(facts.error)] : nil,
            "lastMessageAt": time(facts.figures?.lastInboundAt),
            "lastInboundAt": time(facts.figures?.lastInboundAt) ?? .null,
            "lastOutboundAt": time(facts.figures?.lastOutboundAt) ?? .null,
            "lastStartAt": (isRunning ? time(row?.sinceMilliseconds) : nil) ?? .null,
            "lastStopAt": time(row?.diedMilliseconds) ?? .null,
            "lastError": lastError(account, row, facts).map(WireValue.string) ?? .null,
            "mode": .nonEmpty(isWebChat ? "websocket" : facts.mode),
            "tokenSource": isWebChat ? nil : .string(source.rawValue),
            "dmPolicy": access.map { .string($0.dmPolicy.rawValue) },
            "groupPolicy": access.map { .string($0.groupPolicy.rawValue) },
            "allowFrom": access.map { .array($0.allowFrom.prefix(100).map(WireValue.string)) },
            "probe": probe,
            "lastProbeAt": probe == nil ? nil : .integer(wall),
            "application": probe?["application"],
            "audit": probe?["audit"],
            "bot": probe?["bot"] ?? bot(facts),
            "warnings": facts.warnings.isEmpty ? nil : .array(facts.warnings.map(WireValue.string)),
            "ignored": ignored(facts.figures),
            "pairing": pairing[account.channel].map { .number($0) },
            "worker": worker(account, row, facts.figures),
        ]
    }

    /// The worst that is known, in words; nil when nothing is wrong.
    private func lastError(_ account: Account, _ row: WorkerRow?, _ facts: ChannelFacts) -> String? {
        guard account.channel != "webchat" else { return nil }
        guard account.listing?.isEnabled ?? true else { return "disabled" }
        guard account.listing?.isSupported ?? true else {
            return "this version has no \(Self.label(account.channel)) channel"
        }
        guard let row else {
            let problem = config.file.problems.first { $0.disables == account.worker }
            if let problem {
                return problem.line > 0 ? "\(problem.path) (line \(problem.line)): \(problem.text)" : problem.text
            }
            return account.listing?.tokenSource == ChannelListing.TokenSource.none
                ? "not configured" : "not started: clawhold logs supervisor says why"
        }
        if row.state == "ready" { return facts.error.isEmpty ? nil : facts.error }
        if row.state == "starting" { return nil }
        if row.state == "stopped", row.reason.isEmpty { return nil }
        return row.reason.isEmpty ? row.state : row.reason
    }

    private func bot(_ facts: ChannelFacts) -> WireValue? {
        guard !facts.name.isEmpty || !facts.botID.isEmpty else { return nil }
        return ["id": .nonEmpty(facts.botID), "username": .nonEmpty(facts.name)]
    }

    private func ignored(_ figures: ChannelFigures?) -> WireValue? {
        guard let figures, figures.lastIgnoredAt > 0 else { return nil }
        return [
            "today": .number(figures.ignored), "lastAt": .integer(figures.lastIgnoredAt),
            "lastReason": .nonEmpty(figures.lastIgnoredReason),
        ]
    }

    private func worker(_ account: Account, _ row: WorkerRow?, _ figures: ChannelFigures?) -> WireValue? {
        let counts: [(String, Int?)] = [
            ("journalPending", figures?.journalPending), ("outboxPending", figures?.outboxPending),
            ("deadLetters", figures?.deadLetters),
        ]
        let queue = counts.compactMap { name, count in count.map { (name, WireValue.number($0)) } }
        guard let row else { return queue.isEmpty ? nil : WireValue(members: queue) }
        let epoch = WireValue.Member(name: "epoch", value: .number(row.incarnation))
        return .object((WorkerTable.row(row).members ?? []) + [epoch] + queue.map { .init(name: $0.0, value: $0.1) })
    }

    private func time(_ milliseconds: Int64?) -> WireValue? {
        milliseconds.flatMap { $0 > 0 ? .integer($0) : nil }
    }
}
