extension SQLiteJournal {
    /// Rooms whose unanswered messages are kept; of more, those that were quiet for longest are forgotten.
    static let mostRooms = 1000

    /// Keeps what was heard. False when it was about a message that is not ours.
    func keep(_ heard: Heard, row: Int64, channel: String, conversation: String, now: Int64) throws(JournalError)
        -> Bool
    {
        if let message = heard.ownMessage, try !isOwn(message, channel: channel, conversation: conversation) {
            return false
        }
        guard heard.limit > 0 else { return true }
        try database.run(
            "INSERT OR REPLACE INTO heard(row, room, kind, body, at) VALUES(?, ?, ?, ?, ?)",
            .integer(row),
            .text(heard.room),
            .text(heard.kind.rawValue),
            .blob(heard.body),
            .integer(now)
        )
        try database.run(
            """
            DELETE FROM heard WHERE room = ?1 AND kind = ?2 AND turn_id = '' AND row <= (
              SELECT row FROM heard WHERE room = ?1 AND kind = ?2 AND turn_id = '' ORDER BY row DESC LIMIT 1 OFFSET ?3)
            """,
            .text(heard.room),
            .text(heard.kind.rawValue),
            .count(heard.limit)
        )
        try touch(heard.room, now: now)
        return true
    }

    /// Whether a message of a conversation is one that we sent.
    func isOwn(_ messageID: String, channel: String, conversation: String) throws(JournalError) -> Bool {
        guard !messageID.isEmpty else { return false }
        return try database.first(
            "SELECT 1 FROM outbox WHERE channel = ? AND message_id = ? AND conversation = ? AND state = 'sent' LIMIT 1",
            .text(channel),
            .text(messageID),
            .text(conversation)
        ) { _ in true } ?? false
    }

    private func touch(_ room: String, now: Int64) throws(JournalError) {
        try database.run(
            "INSERT INTO rooms(room, used_at) VALUES(?, ?) ON CONFLICT(room) DO UPDATE SET used_at = excluded.used_at",
            .text(room),
            .integer(now)
        )
        let surplus = try database.rows(
            "SELECT room FROM rooms ORDER BY used_at DESC LIMIT 10 OFFSET ?",
            .count(Self.mostRooms)
        ) { $0.text(0) }
        for room in surplus {
            try database.run("DELETE FROM heard WHERE room = ? AND turn_id = ''", .text(room))
            try database.run("DELETE FROM rooms WHERE room = ?", .text(room))
        }
    }

    /// A turn's first claim takes what was heard in its room before its last message.
    func takeHeard(_ entry: TurnEntry) throws(JournalError) {
        let facts = try database.first(
            """
            SELECT room, (SELECT max(row) FROM turns WHERE row = ?1 OR (merged_into = ?1 AND state = 'merged'))
            FROM turns WHERE row = ?1
            """,
            .integer(entry.row)
        ) { (room: $0.text(0), last: $0.integer(1)) }
        guard let facts, !facts.room.isEmpty else { return }
        try database.run(
            "UPDATE heard SET turn_id = ? WHERE room = ? AND turn_id = '' AND row < ?",
            .text(entry.turn.turnID),
            .text(facts.room),
            .integer(facts.last)
        )
    }

    func heard(_ row: inout TurnRow, turnID: String) throws(JournalError) {
        let rows = try database.rows(
            "SELECT kind, body FROM heard WHERE turn_id = ? ORDER BY row",
            .text(turnID)
        ) { (kind: $0.text(0), body: $0.blob(1)) }
        for entry in rows {
            if entry.kind == Heard.Kind.said.rawValue {
                row.history.append(entry.body)
            } else {
                row.happened.append(String(decoding: entry.body, as: UTF8.self))
            }
        }
    }
}
