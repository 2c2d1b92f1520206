/// Counts failed attempts per client: ten within a minute lock it out for five minutes.
///
/// Source: spec/gateway-protocol.md 5.5. Local clients are exempt (the caller's part).
struct AuthLimiter: Sendable {
    static let failures = 10
    static let window = Duration.seconds(60)
    static let lockout = Duration.seconds(300)
    /// Clients remembered; beyond it the one that failed longest ago is forgotten.
    static let mostClients = 1000

    private struct Record {
        var failures: [ContinuousClock.Instant] = []
        var lockedUntil: ContinuousClock.Instant?
        var last: ContinuousClock.Instant
    }

    private var records: [String: Record] = [:]

    init() {}

    /// How many clients are remembered.
    var count: Int { records.count }

    /// How long this client has to wait, nil when it may try.
    func wait(_ client: String, now: ContinuousClock.Instant) -> Duration? {
        guard let until = records[client]?.lockedUntil, until > now else { return nil }
        return now.duration(to: until)
    }

    mutating func failed(_ client: String, now: ContinuousClock.Instant) {
        var record = records[client] ?? Record(last: now)
        record.last = now
        record.failures.removeAll { $0.duration(to: now) >= Self.window }
        record.failures.append(now)
        if record.failures.count >= Self.failures {
            record.failures = []
            record.lockedUntil = now.advanced(by: Self.lockout)
        }
        records[client] = record
        if records.count > Self.mostClients { forgetOldest(now: now) }
    }

    mutating func succeeded(_ client: String) {
        records[client] = nil
    }

    private mutating func forgetOldest(now: ContinuousClock.Instant) {
        records = records.filter { _, record in
            (record.lockedUntil ?? now) > now || record.last.duration(to: now) < Self.window
        }
        while records.count > Self.mostClients, let oldest = records.min(by: { $0.value.last < $1.value.last }) {
            records[oldest.key] = nil
        }
    }
}
