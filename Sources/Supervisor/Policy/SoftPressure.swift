/// What is done about a worker above its soft limit: first it is asked to shed; when that did not help after some more
/// measurements it is replaced, and ever more rarely when replacing does not help either.
struct SoftPressure: Sendable, Equatable {
    /// Measurements above the limit in a row.
    var looks = 0
    var shedAt: Instant?
    /// The operator was told that this incarnation is left alone.
    var isHeldBack = false
    var replacedAt: Instant?
    /// How often the pause between replacements was doubled.
    var level = 0

    enum Verdict: Sendable, Equatable {
        case nothing
        case shed
        /// It would be replaced, but was not long ago. Said once per incarnation.
        case leave(until: Instant)
        case replace
    }

    /// A new incarnation has nothing to answer for.
    mutating func begin() {
        looks = 0
        shedAt = nil
        isHeldBack = false
    }

    /// A person, or a new configuration, begins anew.
    mutating func reset() {
        self = SoftPressure()
    }

    /// Judges one measurement of a ready worker.
    ///
    /// - Parameter readyFor: one that is above its limit within its first minute starts that large; replacing it would
    ///   not make it smaller, and the hard limit is there.
    mutating func measured(isAbove: Bool, readyFor: Duration, now: Instant) -> Verdict {
        guard isAbove else {
            looks = 0
            return .nothing
        }
        looks = min(looks + 1, PolicyTiming.softLooks + 1)
        if looks == 1 {
            if let shedAt, now - shedAt < PolicyTiming.shedInterval { return .nothing }
            shedAt = now
            return .shed
        }
        guard looks > PolicyTiming.softLooks, readyFor >= PolicyTiming.stableAfter else { return .nothing }
        if let next = nextReplacement, now < next {
            guard !isHeldBack else { return .nothing }
            isHeldBack = true
            return .leave(until: next)
        }
        // Twice its own pause without trouble, and it begins anew: a slow leak is replaced at the pace of the leak.
        if let replacedAt { level = now - replacedAt >= pause * 2 ? 0 : min(level + 1, 16) }
        replacedAt = now
        return .replace
    }

    private var pause: Duration { min(PolicyTiming.softPause * (1 << level), PolicyTiming.softPauseAtMost) }

    private var nextReplacement: Instant? { replacedAt.map { $0 + pause } }
}
