/// What is asked for again after a session was lost, and what cannot be had any more: the pure half of it.
struct Backfill: Equatable {
    struct Place: Equatable {
        var channel: String
        /// Messages after this one.
        var after: String
        var isDirect: Bool
    }

    private(set) var places: [Place] = []
    /// In words for the operator; nil when nothing is known to be lost.
    private(set) var gap: String?

    static let placeLimit = 64

    /// - Parameters:
    ///   - heard: when this account last heard something, milliseconds since 1970.
    ///   - marks: the last message of each channel.
    ///   - directs: which of them are direct channels.
    ///   - watched: further channels, from the access lists.
    init(heard: Int64, marks: [String: String], directs: Set<String>, watched: [String], now: Int64) {
        let oldest = now - Int64(DiscordLimits.backfillAge.components.seconds) * 1000
        let day = now - 86_400_000
        let floor = Snowflake.id(atMilliseconds: oldest)
        func start(_ mark: String?) -> String {
            // Ten seconds of doubt about whose clock is right; what comes twice is known by its key.
            let mark = mark ?? Snowflake.id(atMilliseconds: heard - 10_000)
            return Snowflake.precedes(mark, floor) ? floor : mark
        }
        let recent = marks.filter { directs.contains($0.key) || Snowflake.milliseconds($0.value) >= day }
        let channels =
            recent.sorted { Snowflake.precedes($1.value, $0.value) }.map(\.key)
            + directs.subtracting(marks.keys).sorted() + watched.filter { marks[$0] == nil && Snowflake.isValid($0) }
        var seen: Set<String> = []
        for channel in channels where seen.insert(channel).inserted && places.count < Self.placeLimit {
            places.append(Place(channel: channel, after: start(marks[channel]), isDirect: directs.contains(channel)))
        }
        if heard < oldest {
            let minutes = (now - heard) / 60_000
            gap =
                "nothing was heard for \(minutes) minutes, and messages older than "
                + "\(DiscordLimits.backfillAge.components.seconds / 60) minutes are not answered late"
        }
    }
}
