internal import Config
internal import Journal

extension QueueRules {
    /// What the configuration says, for every channel there is.
    init(_ config: GatewayConfig) {
        self.init()
        standard = Self.rule(config.queue, network: "")
        byChannel[NewTurn.webchat] = Self.rule(config.queue, network: NewTurn.webchat)
        for channel in config.channels { byChannel[channel.worker] = Self.rule(config.queue, network: channel.channel) }
    }

    private static func rule(_ queue: QueueConfig, network: String) -> QueueRule {
        var rule = QueueRule()
        rule.mode =
            switch queue.modeByChannel[network] ?? queue.mode {
            case "collect": .collect
            case "interrupt": .interrupt
            // What runs cannot be spoken to: what steers would do is done in the next turn (`docs/decisions/0125`).
            default: .followup
            }
        let debounce = queue.debounceByChannel[network] ?? queue.debounceMilliseconds
        // On the telephone somebody holds the line.
        rule.debounce = network == GatewayVoice.channel ? 0 : Int64(min(max(0, debounce), 60_000))
        rule.cap = max(1, queue.cap)
        rule.drop = QueueRule.Drop(rawValue: queue.drop) ?? .summarize
        return rule
    }
}
