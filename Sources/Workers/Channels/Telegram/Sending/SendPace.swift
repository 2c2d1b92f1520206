/// When a message may leave, so that Telegram has no reason to say 429: pure, by token buckets.
///
/// Telegram's figures (core.telegram.org/bots/faq): one message a second in one chat with short bursts, 20 a minute in one
/// group, 30 a second in all. Whoever comes reserves the next free moment, so one busy chat never holds up another.
struct SendPace {
    private struct Bucket {
        /// The moment at which the bucket is full again.
        var fullAt: ContinuousClock.Instant
    }

    /// How often, and how many at once after a rest.
    struct Rate {
        var interval: Duration
        var burst: Int64
    }

    static let direct = Rate(interval: .seconds(1), burst: 4)
    static let group = Rate(interval: .seconds(3), burst: 4)
    static let all = Rate(interval: .milliseconds(34), burst: 30)
    /// Chats that are remembered; those that are quiet again are forgotten first.
    static let chatLimit = 1024

    private var chats: [Int64: Bucket] = [:]
    private var total: Bucket?
    /// Chats that Telegram asked to wait in.
    private var blocked: [Int64: ContinuousClock.Instant] = [:]

    /// How long to wait before this message; nil with a wait longer than `patience`, which reserves nothing.
    mutating func reserve(
        _ chat: Int64,
        isGroup: Bool,
        patience: Duration,
        now: ContinuousClock.Instant
    ) -> (wait: Duration, isReserved: Bool) {
        let rate = isGroup ? Self.group : Self.direct
        let wholeWait = Self.wait(total, Self.all, now)
        var wait = max(Self.wait(chats[chat], rate, now), wholeWait)
        if let until = blocked[chat] { wait = max(wait, now.duration(to: until)) }
        guard wait <= patience else { return (wait, false) }
        if chats.count >= Self.chatLimit || blocked.count >= Self.chatLimit { forget(now) }
        Self.take(&chats[chat], rate, now + wait)
        // Not at the moment that its chat makes it wait for: that one would hold up everybody.
        Self.take(&total, Self.all, now + wholeWait)
        return (wait, true)
    }

    /// Telegram said 429 for this chat.
    mutating func block(_ chat: Int64, for duration: Duration, now: ContinuousClock.Instant) {
        blocked[chat] = now + duration
    }

    var count: Int { max(chats.count, blocked.count) }

    private static func wait(_ bucket: Bucket?, _ rate: Rate, _ now: ContinuousClock.Instant) -> Duration {
        guard let bucket else { return .zero }
        return max(.zero, now.duration(to: bucket.fullAt) - rate.interval * (rate.burst - 1))
    }

    private static func take(_ bucket: inout Bucket?, _ rate: Rate, _ at: ContinuousClock.Instant) {
        bucket = Bucket(fullAt: max(bucket?.fullAt ?? at, at) + rate.interval)
    }

    private mutating func forget(_ now: ContinuousClock.Instant) {
        chats = chats.filter { $0.value.fullAt > now }
        blocked = blocked.filter { $0.value > now }
        // All of them busy: more than Telegram would let pass anyway. Begin anew.
        if chats.count >= Self.chatLimit { chats = [:] }
        if blocked.count >= Self.chatLimit { blocked = [:] }
    }
}
