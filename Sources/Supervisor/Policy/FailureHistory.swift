/// The failures that lead to quarantine.
package struct FailureHistory: Sendable, Equatable {
    var unreadyStarts = 0
    /// The last own-doing deaths, oldest first, at most `PolicyTiming.ownDoingLimit`.
    var ownDoingDeaths: [Instant] = []

    package init() {}

    package mutating func becameReady() {
        unreadyStarts = 0
    }

    /// Records a death. `wasReady` is true also where nobody can blame the start: it was asked to end before.
    package mutating func died(wasReady: Bool, isOwnDoing: Bool, now: Instant) {
        if !wasReady { unreadyStarts = min(unreadyStarts + 1, PolicyTiming.unreadyStartLimit) }
        if isOwnDoing {
            ownDoingDeaths.append(now)
            if ownDoingDeaths.count > PolicyTiming.ownDoingLimit { ownDoingDeaths.removeFirst() }
        }
    }

    /// Why the worker belongs in quarantine at `now`, or nil.
    package func quarantineReason(now: Instant) -> String? {
        if unreadyStarts >= PolicyTiming.unreadyStartLimit {
            return "\(PolicyTiming.unreadyStartLimit) starts in a row never became ready"
        }
        let recent = ownDoingDeaths.filter { now - $0 < PolicyTiming.ownDoingWindow }.count
        guard recent >= PolicyTiming.ownDoingLimit else { return nil }
        return "\(recent) deaths by its own doing within \(PolicyTiming.ownDoingWindow.inWords)"
    }
}
