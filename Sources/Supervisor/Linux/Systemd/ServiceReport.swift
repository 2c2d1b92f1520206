/// What the service manager is told and when: a pure machine over sd_notify(3)'s vocabulary.
///
/// Nothing is queued: each message follows from the difference between what is and what was told, so a manager that
/// does not read for a while misses what is over by then, and never gets it out of order.
package struct ServiceReport: Sendable {
    /// Two STATUS lines are at least so far apart; the newest is the one that is sent.
    package static let statusInterval = Duration.seconds(1)
    /// So long the gateway may be away while it is being replaced. After that this process is taken to be unable to
    /// replace it, and leaves its own replacement to the watchdog.
    package static let longestAbsence = Duration.seconds(60)
    /// After a full queue.
    package static let retryInterval = Duration.milliseconds(100)

    /// What there is to be told of.
    package struct Facts: Sendable, Equatable {
        package var gateway: GatewayState
        package var isReloading: Bool
        package var isStopping: Bool
        /// One line.
        package var status: String

        package init(gateway: GatewayState, isReloading: Bool = false, isStopping: Bool = false, status: String) {
            self.gateway = gateway
            self.isReloading = isReloading
            self.isStopping = isStopping
            self.status = status
        }
    }

    /// The gateway, as far as readiness and watchdog go.
    package enum GatewayState: Sendable, Equatable {
        /// Ready, and heard within the policy's limits.
        case serving
        /// Not there, but meant to be.
        case away
        /// A person stopped it.
        case held
    }

    private enum Phase: Sendable { case starting, ready, reloading, stopping }

    private var phase = Phase.starting
    private var toldStatus = ""
    private var statusAt: Instant?
    private let feedInterval: Duration?
    private var fedAt: Instant?
    private var awaySince: Instant?
    private var retryAt: Instant?
    /// Whether the watchdog is left hungry because the gateway is away for too long.
    package private(set) var isStarving = false
    /// When `take` is due although nothing happens.
    package private(set) var deadline: Instant?

    /// - Parameter watchdog: the manager's limit; nil when it has none.
    package init(watchdog: Duration?) {
        feedInterval = watchdog.map { $0 / 2 }
    }

    /// Sends what is due. `send` takes one message, or says false when there is no room for it now.
    package mutating func take(_ facts: Facts, at now: Instant, send: (String) -> Bool) {
        if facts.gateway == .away { awaySince = awaySince ?? now } else { awaySince = nil }
        isStarving = awaySince.map { now - $0 > Self.longestAbsence } ?? false && !facts.isStopping
        retryAt = nil
        while let message = transition(facts, now) ?? status(facts, now) ?? feed(now) {
            guard send(message.text) else {
                retryAt = now + Self.retryInterval
                break
            }
            apply(message, facts, now)
        }
        deadline = nextDeadline(facts)
    }

    private struct Message {
        var text: String
        var phase: Phase?
        var tellsStatus = false
    }

    private func transition(_ facts: Facts, _ now: Instant) -> Message? {
        let next: Phase
        let words: String
        switch phase {
        case .stopping: return nil
        case _ where facts.isStopping: (next, words) = (.stopping, "STOPPING=1")
        case .starting:
            guard facts.gateway == .serving else { return nil }
            (next, words) = (.ready, "READY=1")
        case .ready:
            guard facts.isReloading else { return nil }
            (next, words) = (.reloading, "RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)")
        case .reloading:
            // Over when there is somebody again who serves by it.
            guard !facts.isReloading, facts.gateway != .away else { return nil }
            (next, words) = (.ready, "READY=1")
        }
        return Message(text: "\(words)\nSTATUS=\(facts.status)", phase: next, tellsStatus: true)
    }

    private func status(_ facts: Facts, _ now: Instant) -> Message? {
        guard facts.status != toldStatus else { return nil }
        if let statusAt, now - statusAt < Self.statusInterval { return nil }
        return Message(text: "STATUS=\(facts.status)", tellsStatus: true)
    }

    /// A third of the way the feed may come along with something else that happens, at half of it it must.
    private func feed(_ now: Instant) -> Message? {
        guard let feedInterval, !isStarving else { return nil }
        if let fedAt, now - fedAt < feedInterval * 2 / 3 { return nil }
        return Message(text: "WATCHDOG=1")
    }

    private mutating func apply(_ message: Message, _ facts: Facts, _ now: Instant) {
        if let next = message.phase { phase = next }
        if message.tellsStatus {
            toldStatus = facts.status
            statusAt = now
        } else {
            fedAt = now
        }
    }

    private func nextDeadline(_ facts: Facts) -> Instant? {
        var deadlines: [Instant] = []
        if let retryAt { deadlines.append(retryAt) }
        if facts.status != toldStatus, let statusAt { deadlines.append(statusAt + Self.statusInterval) }
        if let feedInterval, let fedAt, !isStarving { deadlines.append(fedAt + feedInterval) }
        return deadlines.min()
    }
}
