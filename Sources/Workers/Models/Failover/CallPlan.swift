package import IPCHub

/// One call's way through the keys of a provider: which to ask, when to ask again, when to give up.
///
/// Pure. Its driver asks `next` what to do, does it, tells how it ended, and asks again. Every `ask` is answered by exactly
/// one of `succeeded`, `failed` and `abandoned`.
package struct CallPlan: Sendable {
    /// What the driver is to do now.
    package enum Step: Equatable, Sendable {
        /// Make an attempt with this key, no longer than `limit`.
        case ask(profile: String, limit: Duration)
        /// Wait so long, then ask for the next step.
        case pause(Duration)
        case giveUp(HubModelEvent.Failed)
    }

    package let model: String
    /// Attempts made so far.
    package private(set) var attempts = 0
    private let id: UInt64
    private let session: String
    private let pinned: String
    private let byChoice: Bool
    private let limit: Int
    private let time: Duration
    private var asked: [String: Int] = [:]
    private var failures: [(profile: String, failure: CallFailure)] = []
    /// The key that may be asked once more although it failed, and the wait before.
    private var again: (profile: String, pause: ClosedRange<Duration>)?
    private var mayRotate = true
    private var paused = Duration.zero
    private var current: (profile: String, began: WallTime)?

    /// - Parameters:
    ///   - session: whom the key is kept for; empty: nobody.
    ///   - pinned: the one key to use; empty: any.
    ///   - byChoice: asked once even while everything cools.
    ///   - attemptsLeft: what the whole answer may still cost; 0: the rules' own limit.
    ///   - time: what is left for this call.
    package init(
        _ state: inout FailoverState,
        model: String,
        session: String,
        pinned: String = "",
        byChoice: Bool = false,
        attemptsLeft: Int = 0,
        time: Duration
    ) {
        id = state.callID()
        self.model = model
        self.session = session
        self.pinned = pinned
        self.byChoice = byChoice
        self.time = time
        let own = max(1, state.rules.attemptLimit)
        limit = attemptsLeft > 0 ? min(own, attemptsLeft) : own
    }

    /// - Parameters:
    ///   - elapsed: since the call came, by a clock that nobody sets.
    ///   - jitter: at random from 0 to 1.
    package mutating func next(
        _ state: inout FailoverState,
        at now: WallTime,
        elapsed: Duration,
        jitter: @autoclosure () -> Double
    ) -> Step {
        if state.profiles.isEmpty { return .giveUp(failed(.auth, "there is no key for this provider", state, now)) }
        if elapsed >= time {
            let last = failures.last?.failure.kind ?? .exhausted
            return .giveUp(failed(last, "no time is left for another attempt", state, now))
        }
        // What begins in the second half would be cut by the deadline more often than it would answer.
        if attempts > 0, attempts >= limit || elapsed + elapsed >= time { return .giveUp(failed(state, now)) }
        if let profile = owed {
            owed = nil
            return ask(profile, held(profile, state, now), &state, now, elapsed)
        }
        let last = failures.last?.profile
        let key = mayRotate ? usable(state, now).first { $0.profile != last } : nil
        if let key, rotatesFirst || again == nil { return ask(key.profile, key.held, &state, now, elapsed) }
        if let (profile, range) = again {
            again = nil
            let pause = Self.pick(range, jitter())
            if allows(pause, elapsed) {
                owed = profile
                paused += pause
                return .pause(pause)
            }
        }
        if let key { return ask(key.profile, key.held, &state, now, elapsed) }
        return mayRotate ? waitOrGiveUp(&state, now, elapsed) : .giveUp(failed(state, now))
    }

    /// Whether the last failure asks for other keys before the same one.
    private var rotatesFirst = true
    /// The key that a pause was for.
    private var owed: String?

    private func allows(_ pause: Duration, _ elapsed: Duration) -> Bool {
        let end = elapsed + pause
        return end + end < time
    }

    private static func pick(_ range: ClosedRange<Duration>, _ jitter: Double) -> Duration {
        let width = (range.upperBound - range.lowerBound).wholeMilliseconds
        return range.lowerBound + .milliseconds(Int64(Double(width) * min(max(jitter, 0), 1)))
    }

    /// The keys that may be asked now, best first, with what they would try.
    private func usable(_ state: FailoverState, _ now: WallTime) -> [(profile: String, held: [CooldownKey])] {
        var usable: [(profile: String, held: [CooldownKey])] = []
        var tried: [(profile: String, held: [CooldownKey])] = []
        for profile in candidates(state, now) {
            switch state.book.standing(profile, model, at: now) {
            case .open: usable.append((profile, []))
            case .halfOpen(let keys):
                // A lock is tried in its turn where the operator gave an order, else when nothing better is there.
                let isLocked = keys.contains { state.book.windows[$0].map { $0.until > now } ?? false }
                if isLocked && !state.isOrderFixed {
                    tried.append((profile, keys))
                } else {
                    usable.append((profile, keys))
                }
            case .probing, .closed: break
            }
        }
        return usable + tried
    }

    private func candidates(_ state: FailoverState, _ now: WallTime) -> [String] {
        let order =
            pinned.isEmpty ? state.order(for: session, at: now) : state.profiles.map(\.id).filter { $0 == pinned }
        // Those that this call has not asked come first.
        let fresh = order.filter { asked[$0] == nil }
        let second = order.filter { (1..<state.rules.perKeyLimit).contains(asked[$0] ?? 0) && mayAskAgain($0) }
        return fresh + second
    }

    /// A key whose failure would come again is not asked a second time by turning round.
    private func mayAskAgain(_ profile: String) -> Bool {
        guard let last = failures.last(where: { $0.profile == profile })?.failure else { return true }
        return last.kind == .rateLimit && last.retryAfter != nil
    }

    private func held(_ profile: String, _ state: FailoverState, _ now: WallTime) -> [CooldownKey] {
        if case .halfOpen(let keys) = state.book.standing(profile, model, at: now) { keys } else { [] }
    }

    private mutating func ask(
        _ profile: String,
        _ held: [CooldownKey],
        _ state: inout FailoverState,
        _ now: WallTime,
        _ elapsed: Duration
    ) -> Step {
        attempts += 1
        asked[profile, default: 0] += 1
        again = nil
        current = (profile, now)
        state.book.hold(held, for: id, at: now, state.rules)
        state.use(profile, for: session, at: now)
        return .ask(profile: profile, limit: time - elapsed)
    }

    /// Nothing may be asked now: waits when that is short, asks all the same when a person insists, else gives up.
    private mutating func waitOrGiveUp(_ state: inout FailoverState, _ now: WallTime, _ elapsed: Duration) -> Step {
        let candidates = candidates(state, now)
        guard !candidates.isEmpty else { return .giveUp(failed(state, now)) }
        var soonest: (profile: String, wait: Duration)?
        for profile in candidates {
            let wait: Duration
            switch state.book.standing(profile, model, at: now) {
            case .open, .halfOpen:
                return ask(profile, held(profile, state, now), &state, now, elapsed)
            // Its end is not known: looked at again soon.
            case .probing: wait = .milliseconds(200)
            case .closed(let chance, _): wait = max(chance - now, .milliseconds(1))
            }
            if wait < soonest?.wait ?? .seconds(Int64.max / 4) { soonest = (profile, wait) }
        }
        if byChoice, attempts == 0, let soonest {
            return ask(soonest.profile, held(soonest.profile, state, now), &state, now, elapsed)
        }
        if let soonest, paused + soonest.wait <= state.rules.longestPause, allows(soonest.wait, elapsed) {
            paused += soonest.wait
            return .pause(soonest.wait)
        }
        return .giveUp(failed(state, now))
    }

    // MARK: How an attempt ended

    /// Content came: the key answers. Returns whether a cooldown ended.
    package mutating func succeeded(_ state: inout FailoverState) -> Bool {
        defer { abandoned(&state) }
        guard let current else { return false }
        return state.book.succeeded(current.profile, model, began: current.began)
    }

    /// Returns whether a cooldown began or changed.
    package mutating func failed(_ failure: CallFailure, _ state: inout FailoverState, at now: WallTime) -> Bool {
        guard let current else { return false }
        defer { abandoned(&state) }
        let action = FailureAction.of(failure, state.rules)
        failures.append((current.profile, failure))
        mayRotate = action.rotates
        rotatesFirst = action.rotatesFirst
        again = nil
        if let pause = action.pause, (asked[current.profile] ?? 0) < state.rules.perKeyLimit {
            again = (current.profile, pause)
        }
        return state.book.failed(failure, profile: current.profile, model: model, at: now, state.rules)
    }

    /// The key that just failed has a new value: it is asked once more, at once.
    package mutating func credentialChanged(_ profile: String, _ rules: FailoverRules) {
        if (asked[profile] ?? 0) < rules.perKeyLimit { owed = profile }
    }

    /// The attempt is over and says nothing about the key: who asked has gone, or nothing came of it in this process.
    package mutating func abandoned(_ state: inout FailoverState) {
        current = nil
        state.book.release(id)
    }

    // MARK: What the caller is told

    private func failed(_ state: FailoverState, _ now: WallTime) -> HubModelEvent.Failed {
        if let last = failures.last { return failed(last.failure.kind, "", state, now) }
        let candidates = candidates(state, now)
        guard !candidates.isEmpty else { return failed(.auth, "there is no key \(pinned)", state, now) }
        let holds = candidates.compactMap { profile in
            state.book.hold(profile, model, at: now).map { (profile, $0) }
        }
        if let first = holds.min(by: { $0.1.until < $1.1.until }) {
            let words = holds.map { "\($0.0) is not asked: \($0.1.kind.word), \($0.1.cause)" }
            return failed(first.1.kind, words.joined(separator: "; "), state, now)
        }
        // Every cooldown is over, and other calls are trying just now whether it came to an end.
        let tried = candidates.compactMap { state.book.tried($0, model) }.first
        let why = tried.map { ": it failed before (\($0.kind.word), \($0.cause))" } ?? ""
        let words = "another call is trying \(candidates.joined(separator: ", ")) just now\(why)"
        return failed(tried?.kind ?? .exhausted, words, state, now)
    }

    private func failed(
        _ kind: HubModelEvent.Failed.Kind,
        _ words: String,
        _ state: FailoverState,
        _ now: WallTime
    ) -> HubModelEvent.Failed {
        var failed = HubModelEvent.Failed()
        failed.kind = kind
        let causes = failures.map { "\($0.profile): \($0.failure.cause)" } + (words.isEmpty ? [] : [words])
        failed.cause = causes.joined(separator: "; ").prefix(scalars: CallFailure.causeLimit)
        failed.beforeContent = true
        failed.tryNext = FailureAction.triesNext(kind)
        failed.attempts = UInt32(clamping: attempts)
        failed.profile = failures.last?.profile ?? ""
        let ends = state.profiles.filter { pinned.isEmpty || $0.id == pinned }
            .map { state.book.hold($0.id, model, at: now)?.until ?? now }
        let wait = (ends.min() ?? now) - now
        let stated = failures.last?.failure.retryAfter ?? .zero
        failed.retryAfterMs = UInt32(clamping: max(wait > .zero ? wait : stated, .zero).wholeMilliseconds)
        return failed
    }
}
