package import IPCHub

/// What a cooldown is true of. Nil stands for every key, or every model.
package struct CooldownKey: Hashable, Sendable {
    package var profile: String?
    package var model: String?

    package init(profile: String?, model: String?) {
        self.profile = profile
        self.model = model
    }

    /// What a failure of this key with this model is true of.
    static func of(_ failure: CallFailure, profile: String, model: String) -> CooldownKey {
        switch failure.kind {
        case .rateLimit:
            switch failure.scope {
            case .model: CooldownKey(profile: profile, model: model)
            case .key: CooldownKey(profile: profile, model: nil)
            case .provider: CooldownKey(profile: nil, model: model)
            }
        case .billing: CooldownKey(profile: profile, model: nil)
        case .auth:
            // 403 may mean no more than that this key does not have this model: its other models go on.
            failure.status == 403 && failure.scope == .model
                ? CooldownKey(profile: profile, model: model) : CooldownKey(profile: profile, model: nil)
        case .unreachable: CooldownKey(profile: nil, model: nil)
        case .timeout, .overloaded, .modelNotFound, .transient, .cut, .unknown, .badRequest, .context, .refused,
            .exhausted, .shed, .UNRECOGNIZED:
            CooldownKey(profile: nil, model: model)
        }
    }
}

/// A stretch of time in which something is not asked, and what led to it.
package struct Cooldown: Equatable, Sendable {
    package var kind: HubModelEvent.Failed.Kind
    package var since: WallTime
    /// Equal to `since`: nothing is held back yet, only counted.
    package var until: WallTime
    /// When a lock may be tried though it lasts; nil: not before `until`.
    package var nextProbe: WallTime?
    package var strikes: Int
    package var lastFailure: WallTime
    package var status: Int
    /// For people: bounded, without secrets.
    package var cause: String
    /// The call that tries it just now. Not kept.
    package var probe: UInt64?

    /// Longest cause that is kept.
    static let causeLimit = 200

    /// What it means for a call at `now`.
    enum Standing: Equatable {
        /// Nothing is held back.
        case open
        /// One call may try.
        case halfOpen
        /// Somebody is trying.
        case probing
        case closed
    }

    func standing(at now: WallTime) -> Standing {
        // A window that begins in the future was written under another clock.
        if until <= since || since > now + .seconds(60) { return .open }
        if now < until {
            guard let nextProbe, now >= nextProbe else { return .closed }
        }
        return probe == nil ? .halfOpen : .probing
    }

    /// When a call may have a chance: the end or the next probe.
    func chance(at now: WallTime) -> WallTime { nextProbe.map { min(max($0, now), until) } ?? until }

    /// Whether it is over for so long that its count says nothing any more: as long as it lasted, a minute at least.
    func isForgotten(at now: WallTime, _ rules: FailoverRules) -> Bool {
        guard probe == nil, now >= until else { return false }
        return now - until > max(until - since, .seconds(60)) || now - lastFailure > rules.failureWindow
    }
}
