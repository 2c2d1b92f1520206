/// Messages that nobody waits for an answer to any more (`docs/decisions/0126`).
extension SQLiteJournal {
    /// Ends what waited until it was too old: of all channels, or of one.
    func expire(
        agent: String,
        before: Int64,
        of channel: String? = nil,
        now: Int64
    ) throws(JournalError) -> [ExpiredTurn] {
        let old = try database.rows(
            """
            SELECT \(Self.turnColumns) FROM turns WHERE state = 'queued' AND agent = ?1 AND age_from < ?2
            AND (?3 = '' OR channel = ?3) ORDER BY row LIMIT \(Self.expireBatch)
            """,
            .text(agent),
            .integer(before),
            .text(channel ?? ""),
            map: Self.turnRow
        )
        let reason = channel == nil ? Self.tooOld : Self.tooOldForChannel
        for entry in old {
            try leave(entry.row, entry.turn.turnID, state: "expired", reason: reason, tells: false, now: now)
        }
        return old.map { ExpiredTurn(turn: Self.stopped($0.turn, wasRunning: false), channel: $0.turn.channel) }
    }

    /// Messages that one claim ends because of their age, at most, of each limit.
    static let expireBatch = 200

    static let tooOld = "too old to be answered when its turn came (clawhold.json: messages.maxAgeHours)"
    static let tooOldForChannel = "nobody waits on the line any more for what was said so long ago"
}
