/// Discord's limits on requests, kept before they are broken: the pure half of it.
///
/// Every route belongs to a bucket whose name, rest and reset Discord tells with each answer; all routes together may make
/// 50 requests a second; and whoever collects 10,000 refusals (401, 403, 429) in ten minutes is shut out for hours, so this
/// stops before that. Source: Discord's documentation, "Rate Limits".
struct RateLimits: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What an answer says about its bucket: `X-RateLimit-*`.
    struct Notice: Equatable, Sendable {
        var bucket: String?
        var remaining: Int?
        var resetAfter: Duration?
        /// `user`, `shared`, `global`.
        var scope: String?
        var retryAfter: Duration?
    }

    static let perSecond = 50
    static let refusalWindow = Duration.seconds(600)
    static let refusalLimit = 9000
    /// Routes and buckets that are remembered.
    static let routeLimit = 512

    private struct Bucket: Sendable {
        var remaining: Int
        var reset: Instant
    }

    private var names = RecentMap<String, String>(limit: routeLimit)
    private var buckets = RecentMap<String, Bucket>(limit: routeLimit)
    private var globalUntil: Instant?
    /// Tokens for requests of any kind, filled at `perSecond`.
    private var tokens = Double(perSecond)
    private var filled: Instant?
    private var refusals = 0
    private var refusalsSince: Instant?

    /// Takes a place for a request: nil when it may go now, otherwise how long to wait before asking again.
    mutating func admit(_ route: String, isFree: Bool, at now: Instant) -> Duration? {
        if let since = refusalsSince {
            if since.duration(to: now) >= Self.refusalWindow {
                (refusals, refusalsSince) = (0, nil)
            } else if refusals >= Self.refusalLimit {
                return now.duration(to: since + Self.refusalWindow)
            }
        }
        if !isFree, let until = globalUntil, now < until { return now.duration(to: until) }
        let key = names.value(route) ?? route
        if var bucket = buckets.value(key), now < bucket.reset {
            guard bucket.remaining > 0 else { return now.duration(to: bucket.reset) }
            guard isFree || takeToken(now) else { return .milliseconds(20) }
            bucket.remaining -= 1
            buckets.set(bucket, for: key)
            return nil
        }
        return isFree || takeToken(now) ? nil : .milliseconds(20)
    }

    private mutating func takeToken(_ now: Instant) -> Bool {
        let elapsed = filled.map { $0.duration(to: now) / .seconds(1) } ?? 0
        tokens = min(Double(Self.perSecond), tokens + max(0, elapsed) * Double(Self.perSecond))
        filled = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// Notes an answer.
    mutating func record(_ route: String, status: Int, _ notice: Notice, isGlobal: Bool, at now: Instant) {
        let key = notice.bucket.map { Self.key($0, route) } ?? names.value(route) ?? route
        if notice.bucket != nil { names.set(key, for: route) }
        if let remaining = notice.remaining, let reset = notice.resetAfter {
            let until = now + reset
            // Answers overtake each other: of the same window the smaller rest is the truth.
            if let known = buckets.value(key), now < known.reset, known.remaining < remaining {
                buckets.set(Bucket(remaining: known.remaining, reset: max(known.reset, until)), for: key)
            } else {
                buckets.set(Bucket(remaining: max(0, remaining), reset: until), for: key)
            }
        }
        if status == 429, let pause = notice.retryAfter {
            if isGlobal {
                globalUntil = now + pause
            } else {
                buckets.set(Bucket(remaining: 0, reset: now + pause), for: key)
            }
        }
        // What others use up (scope "shared") does not count against this bot.
        if status == 401 || status == 403 || (status == 429 && notice.scope != "shared") {
            if let since = refusalsSince, since.duration(to: now) < Self.refusalWindow {
                refusals += 1
            } else {
                (refusals, refusalsSince) = (1, now)
            }
        }
    }

    /// A bucket is shared by the routes that name it, but counts for each channel, guild or webhook apart.
    private static func key(_ bucket: String, _ route: String) -> String {
        let parts = route.split(separator: "/")
        let major = parts.firstIndex { ["channels", "guilds", "webhooks"].contains($0) }
        return bucket + "/" + (major.flatMap { parts.dropFirst($0 + 1).first } ?? "")
    }
}
