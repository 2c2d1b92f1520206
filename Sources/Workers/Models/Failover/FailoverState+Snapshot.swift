internal import IPCHub
internal import Runtime

/// What outlives the worker, as JSON: no secret in it, at most 256 KiB. The gateway keeps it without reading it.
extension FailoverState {
    package static let snapshotLimit = 256 * 1024
    private static let version: Int64 = 1

    package func snapshot() -> [UInt8] {
        var (seatsKept, windowsKept) = (min(seats.count, Self.seatLimit), book.windows.count)
        while true {
            let bytes = snapshot(seats: seatsKept, windows: windowsKept).encoded()
            if bytes.count <= Self.snapshotLimit || (seatsKept == 0 && windowsKept == 0) { return bytes }
            // Conversations first: a forgotten one costs a cold cache.
            if seatsKept > 0 { seatsKept /= 2 } else { windowsKept = windowsKept * 3 / 4 }
        }
    }

    private func snapshot(seats count: Int, windows: Int) -> JSON {
        let newest = seats.sorted { $0.value.lastUsed > $1.value.lastUsed }.prefix(count)
        let longest = book.windows.sorted { $0.value.until > $1.value.until }.prefix(windows)
        return [
            "version": .integer(Self.version),
            "profiles": .array(
                profiles.map { profile in
                    [
                        "id": .string(profile.id), "fingerprint": .string(profile.fingerprint),
                        "lastUsed": .integer(profile.lastUsed?.milliseconds ?? 0),
                    ]
                }
            ),
            "cooldowns": .array(longest.map { Self.json($0.key, $0.value) }),
            "sessions": .array(
                newest.map { [.string($0.key), .string($0.value.profile), .integer($0.value.lastUsed.milliseconds)] }
            ),
        ]
    }

    private static func json(_ key: CooldownKey, _ window: Cooldown) -> JSON {
        var object = JSONObject()
        object["profile"] = key.profile.map { .string($0) }
        object["model"] = key.model.map { .string($0) }
        object["kind"] = .string(window.kind.word)
        object["since"] = .integer(window.since.milliseconds)
        object["until"] = .integer(window.until.milliseconds)
        object["nextProbe"] = window.nextProbe.map { .integer($0.milliseconds) }
        object["strikes"] = .integer(Int64(window.strikes))
        object["lastFailure"] = .integer(window.lastFailure.milliseconds)
        object["status"] = .integer(Int64(window.status))
        object["cause"] = .string(window.cause)
        return .object(object)
    }

    /// Takes up what an earlier incarnation knew. What does not read, names a key that is not configured, or was true of
    /// another credential is passed over; no end is further off than 31 days. What is known already stays.
    package mutating func restore(_ bytes: some Sequence<UInt8>, at now: WallTime) {
        let bytes = Array(bytes.prefix(Self.snapshotLimit + 1))
        guard bytes.count <= Self.snapshotLimit, let json = try? JSON(parsing: bytes),
            json["version"]?.integer == Self.version
        else { return }
        var trusted: Set<String> = []
        for member in (json["profiles"]?.array ?? []).prefix(Self.profileLimit) {
            guard let id = member["id"]?.string, let index = profiles.firstIndex(where: { $0.id == id }) else {
                continue
            }
            if profiles[index].lastUsed == nil, let used = member["lastUsed"]?.integer, used > 0 {
                profiles[index].lastUsed = min(WallTime(milliseconds: used), now)
            }
            if member["fingerprint"]?.string == profiles[index].fingerprint { trusted.insert(id) }
        }
        for member in (json["cooldowns"]?.array ?? []).prefix(CooldownBook.limit) {
            guard let (key, window) = Self.window(member, at: now, rules), book.windows[key] == nil,
                key.profile.map(trusted.contains) ?? true
            else { continue }
            book.set(key, window, at: now, rules)
        }
        for member in (json["sessions"]?.array ?? []).prefix(Self.seatLimit) {
            guard let row = member.array, row.count == 3, let digest = row[0].string, digest.utf8.count <= 16,
                let profile = row[1].string, profiles.contains(where: { $0.id == profile }),
                let used = row[2].integer, seats[digest] == nil
            else { continue }
            seats[digest] = Seat(profile: profile, lastUsed: min(WallTime(milliseconds: used), now))
        }
    }

    private static func window(_ json: JSON, at now: WallTime, _ rules: FailoverRules) -> (CooldownKey, Cooldown)? {
        guard let kind = json["kind"]?.string.flatMap(HubModelEvent.Failed.Kind.init(word:)),
            let since = json["since"]?.integer, let until = json["until"]?.integer, since >= 0
        else { return nil }
        let (profile, model) = (json["profile"]?.string, json["model"]?.string)
        guard profile?.utf8.count ?? 0 <= 256, model?.unicodeScalars.count ?? 0 <= CooldownBook.modelLimit else {
            return nil
        }
        let furthest = now + rules.furthest
        let end = min(WallTime(milliseconds: until), furthest)
        var window = Cooldown(
            kind: kind,
            since: min(WallTime(milliseconds: since), now),
            until: end,
            nextProbe: nil,
            strikes: Int(clamping: min(max(json["strikes"]?.integer ?? 1, 1), 1000)),
            lastFailure: min(WallTime(milliseconds: max(0, json["lastFailure"]?.integer ?? since)), now),
            status: Int(clamping: min(max(json["status"]?.integer ?? 0, 0), 999)),
            cause: (json["cause"]?.string ?? "").prefix(scalars: Cooldown.causeLimit)
        )
        if let interval = rules.probeInterval(kind) {
            let written = json["nextProbe"]?.integer.map { WallTime(milliseconds: $0) } ?? now
            window.nextProbe = min(written, now + interval, end)
        }
        guard window.until >= window.since, !window.isForgotten(at: now, rules) else { return nil }
        return (CooldownKey(profile: profile, model: model), window)
    }
}
