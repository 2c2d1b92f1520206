internal import IPCHub

/// All cooldowns of one provider. Bounded: what is over goes first, then what ends first.
package struct CooldownBook: Equatable, Sendable {
    package private(set) var windows: [CooldownKey: Cooldown] = [:]

    static let limit = 400
    /// Longest name of a model that is kept, in scalars; models come from whoever asks.
    static let modelLimit = 200

    package init() {}

    /// Whether a key may be asked for a model.
    package enum Standing: Equatable, Sendable {
        case open
        /// One call may try; these windows are its to hold meanwhile.
        case halfOpen([CooldownKey])
        /// Somebody is trying.
        case probing
        /// Not before `chance`; `key` is what holds longest.
        case closed(chance: WallTime, key: CooldownKey)
    }

    package func standing(_ profile: String, _ model: String, at now: WallTime) -> Standing {
        var held: [CooldownKey] = []
        var isProbing = false
        var closed: (chance: WallTime, key: CooldownKey)?
        for key in Self.keys(profile, model) {
            guard let window = windows[key] else { continue }
            switch window.standing(at: now) {
            case .open: break
            case .halfOpen: held.append(key)
            case .probing: isProbing = true
            case .closed:
                let chance = window.chance(at: now)
                if chance >= closed?.chance ?? chance { closed = (chance, key) }
            }
        }
        if let closed { return .closed(chance: closed.chance, key: closed.key) }
        if isProbing { return .probing }
        return held.isEmpty ? .open : .halfOpen(held)
    }

    /// What holds a key back from a model the longest at `now`; nil when nothing does.
    package func hold(_ profile: String, _ model: String, at now: WallTime) -> Cooldown? {
        Self.keys(profile, model).compactMap { windows[$0] }
            .filter { $0.until > now && $0.until > $0.since && $0.since <= now + .seconds(60) }
            .max { $0.until < $1.until }
    }

    /// What another call tries just now, of all that this key stands under; nil when nobody tries anything.
    func tried(_ profile: String, _ model: String) -> Cooldown? {
        Self.keys(profile, model).compactMap { windows[$0] }.first { $0.probe != nil }
    }

    /// Everything that a call of this key for this model stands under.
    static func keys(_ profile: String, _ model: String) -> [CooldownKey] {
        let model = model.prefix(scalars: modelLimit)
        return [
            CooldownKey(profile: profile, model: model), CooldownKey(profile: profile, model: nil),
            CooldownKey(profile: nil, model: model), CooldownKey(profile: nil, model: nil),
        ]
    }

    // MARK: Changes; each returns whether a cooldown is another now

    /// An attempt failed. While a window is open its end moves only when the provider names a later one: attempts that
    /// were under way, and probes, do not lengthen it.
    package mutating func failed(
        _ failure: CallFailure,
        profile: String,
        model: String,
        at now: WallTime,
        _ rules: FailoverRules
    ) -> Bool {
        let key = CooldownKey.of(failure, profile: profile, model: model.prefix(scalars: Self.modelLimit))
        let old = windows[key].flatMap { $0.isForgotten(at: now, rules) || $0.since > now + .seconds(60) ? nil : $0 }
        let isActive = old.map { $0.until > now } ?? false
        let strikes = isActive ? old?.strikes ?? 1 : min((old?.strikes ?? 0) + 1, 1000)
        guard let length = rules.length(failure.kind, strikes: strikes, stated: failure.retryAfter) else {
            guard Self.counts(failure.kind), !isActive else { return false }
            // Counted, nothing held back.
            set(key, window(failure, since: now, until: now, strikes, now, rules, probe: old?.probe), at: now, rules)
            return false
        }
        let until = now + min(length, rules.furthest)
        guard isActive, var window = old else {
            set(key, window(failure, since: now, until: until, strikes, now, rules, probe: old?.probe), at: now, rules)
            return true
        }
        let isLater = until > window.until && (failure.retryAfter != nil || failure.kind != window.kind)
        window.lastFailure = now
        if isLater {
            window.until = until
            window.kind = failure.kind
            window.status = failure.status
            window.cause = failure.cause.prefix(scalars: Cooldown.causeLimit)
        }
        window.nextProbe = rules.probeInterval(window.kind).map { min(now + $0, window.until) }
        let isChanged = window != old
        windows[key] = window
        return isChanged
    }

    private static func counts(_ kind: HubModelEvent.Failed.Kind) -> Bool { kind == .transient || kind == .cut }

    private func window(
        _ failure: CallFailure,
        since: WallTime,
        until: WallTime,
        _ strikes: Int,
        _ now: WallTime,
        _ rules: FailoverRules,
        probe: UInt64?
    ) -> Cooldown {
        Cooldown(
            kind: failure.kind,
            since: since,
            until: until,
            nextProbe: rules.probeInterval(failure.kind).map { min(now + $0, until) },
            strikes: strikes,
            lastFailure: now,
            status: failure.status,
            cause: failure.cause.prefix(scalars: Cooldown.causeLimit),
            probe: probe
        )
    }

    /// A call of this key for this model that began at `began` got an answer: it disproves what was known before.
    package mutating func succeeded(_ profile: String, _ model: String, began: WallTime) -> Bool {
        var isChanged = false
        for key in Self.keys(profile, model) {
            guard let window = windows[key], window.since <= began else { continue }
            windows[key] = nil
            if window.until > window.since { isChanged = true }
        }
        return isChanged
    }

    /// The call `id` tries these windows; a lock is not tried again before its interval is over, whatever comes of it.
    mutating func hold(_ keys: [CooldownKey], for id: UInt64, at now: WallTime, _ rules: FailoverRules) {
        for key in keys {
            windows[key]?.probe = id
            guard let window = windows[key], let interval = rules.probeInterval(window.kind) else { continue }
            windows[key]?.nextProbe = min(now + interval, max(window.until, now))
        }
    }

    /// The call `id` tries nothing any more.
    mutating func release(_ id: UInt64) {
        for (key, window) in windows where window.probe == id { windows[key]?.probe = nil }
    }

    /// Forgets cooldowns: of one key, of one model, or all. Returns how many there were.
    package mutating func clear(profile: String?, model: String?) -> Int {
        let found = windows.filter { entry in
            (profile == nil || entry.key.profile == profile) && (model == nil || entry.key.model == model)
        }
        for key in found.keys { windows[key] = nil }
        return found.values.count { $0.until > $0.since }
    }

    /// A key has another value: nothing that was known of it holds.
    mutating func forget(_ profile: String) {
        windows = windows.filter { $0.key.profile != profile }
    }

    mutating func set(_ key: CooldownKey, _ window: Cooldown, at now: WallTime, _ rules: FailoverRules) {
        windows[key] = window
        guard windows.count > Self.limit else { return }
        windows = windows.filter { $0.key == key || !$0.value.isForgotten(at: now, rules) }
        while windows.count > Self.limit {
            let ending = windows.filter { $0.key != key && $0.value.probe == nil }.min {
                $0.value.until < $1.value.until
            }
            guard let ending else { return }
            windows[ending.key] = nil
        }
    }
}
