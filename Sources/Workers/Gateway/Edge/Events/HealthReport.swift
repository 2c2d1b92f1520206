internal import Config

/// The `health` payload, made of the worker table (spec/gateway-protocol.md 2.2).
struct HealthReport: Sendable {
    let config: GatewayConfig
    let workers: [WorkerRow]
    let delivery: DeliveryStatus
    var tunnels: [TunnelFacts] = []

    /// `channel:telegram:default`, split.
    struct ChannelWorker: Sendable {
        let channel: String
        let account: String
        let row: WorkerRow

        init?(_ row: WorkerRow) {
            let parts = row.id.split(separator: ":", maxSplits: 2).map(String.init)
            guard parts.count == 3, parts[0] == "channel" else { return nil }
            channel = parts[1]
            account = parts[2]
            self.row = row
        }

        var isReady: Bool { row.state == "ready" }
        var isRunning: Bool { ["starting", "ready", "draining"].contains(row.state) }
        /// Why it is not ready, in the supervisor's words.
        var lastError: String? {
            guard !isReady, row.state != "starting" else { return nil }
            return row.reason.isEmpty ? row.state : row.reason
        }
    }

    private var channels: [(id: String, accounts: [ChannelWorker])] {
        let grouped = Dictionary(grouping: workers.compactMap(ChannelWorker.init), by: \.channel)
        let ids = grouped.keys.sorted { first, second in
            let ranks = (ChannelsReport.rank(first), ChannelsReport.rank(second))
            return ranks.0 == ranks.1 ? first < second : ranks.0 < ranks.1
        }
        return ids.map { id in
            let accounts = (grouped[id] ?? []).sorted { $0.account < $1.account }
            // The default account first: it is the one that summaries show.
            return (id, accounts.filter { $0.account == "default" } + accounts.filter { $0.account != "default" })
        }
    }

    // MARK: health

    func health(wall: Int64, durationMilliseconds: Int64) -> WireValue {
        let channels = channels
        return [
            "ok": true,
            "ts": .integer(wall),
            "durationMs": .integer(durationMilliseconds),
            "channels": WireValue(members: channels.map { ($0.id, channelHealth($0.accounts)) }),
            "channelOrder": .array(channels.map { .string($0.id) }),
            "channelLabels": WireValue(members: channels.map { ($0.id, .string(ChannelsReport.label($0.id))) }),
            "heartbeatSeconds": 0,
            "defaultAgentId": .string(config.defaultAgent),
            "agents": .array(config.agents.map(agentHealth)),
            "delivery": deliveryCounts,
            "safeMode": .nonEmpty(delivery.safeMode),
            "degraded": degraded.isEmpty ? nil : .array(degraded.map(WireValue.string)),
        ]
    }

    private func channelHealth(_ accounts: [ChannelWorker]) -> WireValue {
        let all = accounts.map { ($0.account, accountHealth($0)) }
        guard let first = accounts.first else { return .object([]) }
        return .object((accountHealth(first).members ?? []) + [.init(name: "accounts", value: WireValue(members: all))])
    }

    private func accountHealth(_ worker: ChannelWorker) -> WireValue {
        ["accountId": .string(worker.account), "configured": true, "linked": .bool(worker.isReady)]
    }

    /// Heartbeats are not built yet, and clients want the member.
    private func agentHealth(_ agent: AgentRoute) -> WireValue {
        [
            "agentId": .string(agent.id),
            "name": .nonEmpty(agent.name),
            "isDefault": .bool(agent.id == config.defaultAgent),
            "heartbeat": ["enabled": false, "every": "0m", "everyMs": .null, "prompt": "", "target": "none"],
        ]
    }

    /// The journal's queues.
    var deliveryCounts: WireValue {
        [
            "inboxPending": .number(delivery.inboxPending),
            "turnsRunning": .number(delivery.turnsRunning),
            "outboxPending": .number(delivery.outboxPending),
            "outboxInflight": .number(delivery.outboxInflight),
            "deadLetters": .number(delivery.deadLetters),
            "intakeStopped": .nonEmpty(delivery.intakeStopped),
        ]
    }

    /// What does not run although it should.
    var degraded: [String] {
        let readiness = Readiness(workers: workers, delivery: delivery, tunnels: tunnels, isDraining: false)
        return readiness.reasons + readiness.degraded
    }
}
