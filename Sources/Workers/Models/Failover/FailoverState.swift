internal import IPCHub

/// What is known of one provider: its keys and their order, cooldowns, and which conversation uses which key.
package struct FailoverState: Equatable, Sendable {
    /// A key as the rules see it.
    package struct Profile: Equatable, Sendable {
        package var id: String
        /// Where no order is fixed: OAuth 0, token 1, key 2.
        package var rank: Int
        /// Says whether the credential is still the same; tells nothing about it.
        package var fingerprint: String
        package var lastUsed: WallTime?

        package init(id: String, rank: Int, fingerprint: String) {
            self.id = id
            self.rank = rank
            self.fingerprint = fingerprint
        }
    }

    /// A conversation's key.
    struct Seat: Equatable, Sendable {
        var profile: String
        var lastUsed: WallTime
    }

    package let rules: FailoverRules
    /// In the order of the configuration.
    package internal(set) var profiles: [Profile]
    /// Keep that order; otherwise rank, then the one used longest ago.
    package let isOrderFixed: Bool
    package internal(set) var book = CooldownBook()
    /// By a digest of the session's key.
    var seats: [String: Seat] = [:]
    private var nextCall: UInt64 = 0

    static let seatLimit = 1000
    static let profileLimit = 64

    package init(rules: FailoverRules = FailoverRules(), profiles: [Profile], isOrderFixed: Bool) {
        self.rules = rules
        self.profiles = Array(profiles.prefix(Self.profileLimit))
        self.isOrderFixed = isOrderFixed
    }

    /// A number for a call, unique in this process.
    mutating func callID() -> UInt64 {
        defer { nextCall += 1 }
        return nextCall
    }

    /// The keys in the order in which a call would try them, cooldowns aside: the conversation's own first while its cache
    /// may be warm.
    func order(for session: String, at now: WallTime) -> [String] {
        var order = profiles
        if !isOrderFixed {
            // Equal ones keep the configuration's order.
            order = order.enumerated().sorted { left, right in
                let (first, second) = (left.element, right.element)
                if first.rank != second.rank { return first.rank < second.rank }
                let (used, usedToo) = (first.lastUsed?.milliseconds ?? 0, second.lastUsed?.milliseconds ?? 0)
                return used == usedToo ? left.offset < right.offset : used < usedToo
            }.map(\.element)
        }
        var ids = order.map(\.id)
        if let seat = seats[Self.digest(session)], !session.isEmpty, now - seat.lastUsed < rules.stickiness,
            let index = ids.firstIndex(of: seat.profile)
        {
            ids.insert(ids.remove(at: index), at: 0)
        }
        return ids
    }

    /// A call of this conversation goes to this key.
    mutating func use(_ profile: String, for session: String, at now: WallTime) {
        if let index = profiles.firstIndex(where: { $0.id == profile }) { profiles[index].lastUsed = now }
        guard !session.isEmpty, profiles.count > 1 else { return }
        seats[Self.digest(session)] = Seat(profile: profile, lastUsed: now)
        guard seats.count > Self.seatLimit else { return }
        // In one go and not one at a time: going through all of them at every call would be felt.
        let kept = seats.sorted { $0.value.lastUsed > $1.value.lastUsed }.prefix(Self.seatLimit * 3 / 4)
        seats = Dictionary(kept.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// The key has another value. Returns whether that ends a cooldown.
    package mutating func credentialChanged(_ profile: String, fingerprint: String) -> Bool {
        guard let index = profiles.firstIndex(where: { $0.id == profile }) else { return false }
        profiles[index].fingerprint = fingerprint
        let before = book
        book.forget(profile)
        return before != book
    }

    /// Forgets cooldowns: of one key, of one model, or all. Returns how many there were.
    package mutating func clear(profile: String?, model: String?) -> Int { book.clear(profile: profile, model: model) }

    /// Session keys hold names of people: what is kept is 64 bits of FNV-1a, which is short and no secret's digest.
    static func digest(_ session: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in session.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return String(hash, radix: 36)
    }
}
