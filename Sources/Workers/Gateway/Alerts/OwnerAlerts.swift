internal import Config
internal import Journal

/// Who is told what, and when not again: pure, under the engine's clock.
struct OwnerAlerts {
    /// Alerts of all causes in one interval; a machine in trouble must not flood a chat.
    static let mostAtOnce = 6
    /// Alerts that wait for the owner's chats to be read at the start.
    private static let mostWaiting = 16

    private let config: AlertsConfig
    private var chats: [String: OwnerChat] = [:]
    private var isRead = false
    private var waiting: [OwnerAlert] = []
    /// When a cause was last told, by cause and subject.
    private var told: [String: Int64] = [:]
    /// What is told once, by cause and subject.
    private var toldOnce: [String: String] = [:]

    /// One alert on its way.
    struct Delivery: Equatable {
        var chat: OwnerChat
        var text: String
        /// Names it for ever: a gateway that starts anew does not tell it again.
        var origin: String
    }

    init(_ config: AlertsConfig) {
        self.config = config
    }

    private var interval: Int64 { Int64(max(1, config.everyMinutes)) * 60_000 }

    /// The owner was heard there.
    mutating func heard(_ chat: OwnerChat) {
        if let known = chats[chat.channel], known.at > chat.at { return }
        chats[chat.channel] = chat
    }

    /// What the journal knows of the owner's chats. What happened before it did is told now.
    mutating func read(_ known: [OwnerChat], isUp: (String) -> Bool, now: Int64) -> [Delivery] {
        for chat in known { heard(chat) }
        isRead = true
        let late = waiting
        waiting = []
        return late.compactMap { deliver($0, isUp: isUp, now: now) }
    }

    /// Nil: it is not to be told, was told already, or there is nobody to tell.
    mutating func deliver(_ alert: OwnerAlert, isUp: (String) -> Bool, now: Int64) -> Delivery? {
        guard config.enabled, !config.off.contains(alert.cause.rawValue) else { return nil }
        guard isRead else {
            if waiting.count < Self.mostWaiting { waiting.append(alert) }
            return nil
        }
        told = told.filter { now - $0.value < interval }
        let key = "\(alert.cause.rawValue):\(alert.subject)"
        let once = "\(key):\(alert.onceAs)"
        guard alert.onceAs.isEmpty || toldOnce[key] != once else { return nil }
        guard told[key] == nil, told.count < Self.mostAtOnce, let chat = chat(for: alert, isUp) else { return nil }
        told[key] = now
        guard alert.onceAs.isEmpty else {
            toldOnce[key] = once
            return Delivery(chat: chat, text: alert.text, origin: "alert:\(once)")
        }
        return Delivery(chat: chat, text: alert.text, origin: "alert:\(key):\(now / interval)")
    }

    /// The owner's last chat on a channel that works and is not what the alert is about; without one, on any other.
    private func chat(for alert: OwnerAlert, _ isUp: (String) -> Bool) -> OwnerChat? {
        let byTime = chats.values.sorted { ($0.at, $0.channel) > ($1.at, $1.channel) }
        return byTime.first { $0.channel != alert.subject && isUp($0.channel) }
            ?? byTime.first { $0.channel != alert.subject } ?? byTime.first
    }
}
