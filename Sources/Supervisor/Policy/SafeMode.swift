/// Whether the gateway is started in safe mode: health and user interface, nothing is dispatched (DESIGN section 3).
///
/// A configuration, or a row of the journal, that kills the gateway as soon as it starts would do so for ever. After three
/// such deaths the next start leaves out what can kill. Like a circuit breaker it is tried again by itself: after ten
/// minutes of health one normal start, and when that fails twice as long until the next, an hour at most.
struct SafeMode: Sendable, Equatable {
    enum State: Sendable, Equatable {
        /// Early deaths by its own doing in a row.
        case normal(deaths: Int)
        case safe(reason: String, trialAfter: Duration)
        /// One normal start; what it dies of decides.
        case trial(reason: String, trialAfter: Duration)
    }

    var state = State.normal(deaths: 0)

    /// Why the next start is one in safe mode; nil for a normal one.
    var reason: String? {
        if case .safe(let reason, _) = state { reason } else { nil }
    }

    /// The health after which a gateway in safe mode is tried normally.
    var trialAfter: Duration? {
        if case .safe(_, let trialAfter) = state { trialAfter } else { nil }
    }

    /// A person, or a new configuration, begins anew.
    mutating func reset() {
        state = .normal(deaths: 0)
    }

    /// The next start is a normal one, on trial.
    mutating func beginTrial() {
        guard case .safe(let reason, let trialAfter) = state else { return }
        state = .trial(reason: reason, trialAfter: trialAfter)
    }

    /// Records a death of the gateway; true when it is this one that leads into safe mode.
    ///
    /// - Parameters:
    ///   - isEarly: it died so soon after its start that the start is to blame.
    ///   - isOwnDoing: nobody else killed it.
    mutating func died(isEarly: Bool, isOwnDoing: Bool, text: String) -> Bool {
        switch state {
        case .normal(let deaths):
            guard isEarly else {
                state = .normal(deaths: 0)
                return false
            }
            guard isOwnDoing else { return false }
            guard deaths + 1 >= PolicyTiming.poisonLimit else {
                state = .normal(deaths: deaths + 1)
                return false
            }
            let window = PolicyTiming.poisonWindow.inWords
            let reason = "died \(PolicyTiming.poisonLimit) times within \(window) of its start, last: \(text)"
            state = .safe(reason: reason, trialAfter: PolicyTiming.safeTrialAfter)
            return true
        case .safe: return false
        case .trial(_, let trialAfter):
            guard isEarly else {
                state = .normal(deaths: 0)
                return false
            }
            guard isOwnDoing else { return false }
            let reason = "a normal start was tried again and failed: \(text)"
            state = .safe(reason: reason, trialAfter: min(trialAfter * 2, PolicyTiming.safeTrialAtMost))
            return true
        }
    }
}
