internal import IPCHub

/// The numbers of failover. Where they differ from OpenClaw's, `docs/decisions/0155` says why.
package struct FailoverRules: Sendable, Equatable {
    /// Attempts that one answer may cost, all keys together, and with one key.
    package var attemptLimit = 6
    package var perKeyLimit = 2
    /// Longest wait inside a call: a provider that asks for more is left for another model.
    package var longestPause = Duration.seconds(5)
    /// Before the same key is asked again after a fault that may be gone in a moment.
    package var shortPause = Duration.milliseconds(250)...Duration.milliseconds(1000)
    /// Before an overloaded provider is asked once more.
    package var overloadPause = Duration.milliseconds(1000)...Duration.milliseconds(2000)

    /// OpenClaw's curve: 1, 5, 25, 60 minutes.
    package var rateLimitBase = Duration.seconds(60)
    package var rateLimitLongest = Duration.seconds(3600)
    package var overloadBase = Duration.seconds(15)
    package var timeoutBase = Duration.seconds(30)
    package var unreachableBase = Duration.seconds(15)
    package var transientBase = Duration.seconds(15)
    /// The longest of the four above.
    package var briefLongest = Duration.seconds(60)
    /// Faults in a row before a model is left alone for a while.
    package var transientStrikes = 3
    package var notFound = Duration.seconds(600)
    package var billingBase = Duration.seconds(5 * 3600)
    package var billingLongest = Duration.seconds(24 * 3600)
    /// A lock is tried while it lasts: a top-up ends it.
    package var billingProbe = Duration.seconds(15 * 60)
    package var authProbe = Duration.seconds(5 * 60)
    /// Failures further back than this count for nothing.
    package var failureWindow = Duration.seconds(24 * 3600)
    /// A conversation keeps its key as long as a provider's cache may still be warm.
    package var stickiness = Duration.seconds(3600)
    /// No cooldown reaches further, whoever wrote it.
    package var furthest = Duration.seconds(31 * 86_400)

    package init() {}

    /// How long a failure of this kind keeps its scope from being asked; nil: not at all.
    ///
    /// - Parameters:
    ///   - strikes: failures of the scope so far, this one among them.
    ///   - stated: what the provider asked for.
    func length(_ kind: HubModelEvent.Failed.Kind, strikes: Int, stated: Duration?) -> Duration? {
        // A provider that says "0 seconds" means "at once", and would be asked in a loop.
        let stated = stated.map { min(max($0, .seconds(1)), furthest) }
        switch kind {
        case .rateLimit: return stated ?? doubled(rateLimitBase, by: 5, strikes - 1, most: rateLimitLongest)
        case .overloaded: return stated ?? doubled(overloadBase, by: 2, strikes - 1, most: briefLongest)
        case .timeout: return doubled(timeoutBase, by: 2, strikes - 1, most: briefLongest)
        case .unreachable: return doubled(unreachableBase, by: 2, strikes - 1, most: briefLongest)
        case .transient, .cut:
            if let stated { return stated }
            guard strikes >= transientStrikes else { return nil }
            return doubled(transientBase, by: 2, strikes - transientStrikes, most: briefLongest)
        case .billing: return stated ?? doubled(billingBase, by: 2, strikes - 1, most: billingLongest)
        case .auth: return furthest
        case .modelNotFound: return notFound
        case .unknown, .badRequest, .context, .refused, .exhausted, .shed, .UNRECOGNIZED: return nil
        }
    }

    /// How often a lock of this kind is tried while it lasts; nil: never.
    func probeInterval(_ kind: HubModelEvent.Failed.Kind) -> Duration? {
        switch kind {
        case .billing: billingProbe
        case .auth: authProbe
        case .unknown, .rateLimit, .overloaded, .timeout, .cut, .badRequest, .context, .unreachable, .transient,
            .modelNotFound, .refused, .exhausted, .shed, .UNRECOGNIZED:
            nil
        }
    }

    private func doubled(_ base: Duration, by factor: Int, _ times: Int, most: Duration) -> Duration {
        var length = base
        for _ in 0..<min(max(times, 0), 20) where length < most { length = length * factor }
        return min(length, most)
    }
}
