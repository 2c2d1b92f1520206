extension SQLiteJournal {
    /// Rows of one channel that are kept, the newest: who floods it does so in few of them.
    static let mostIgnored = 200

    func note(_ note: IgnoredNote, channel: String, now: Int64) throws(JournalError) {
        try database.run(
            """
            INSERT INTO ignored(channel, code, conversation, sender, chat_type, label, sender_name, message_id, reason, admit,
              place, command, count, at)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1, ?13)
            ON CONFLICT(channel, code, conversation, sender) DO UPDATE SET
              chat_type = excluded.chat_type, label = excluded.label, sender_name = excluded.sender_name,
              message_id = excluded.message_id, reason = excluded.reason, admit = excluded.admit, place = excluded.place,
              command = excluded.command, count = count + 1, at = excluded.at
            """,
            .text(channel),
            .text(note.code),
            .text(note.conversation),
            .text(note.sender),
            .text(note.chatType),
            .text(note.label),
            .text(note.senderName),
            .text(note.messageID),
            .text(note.reason),
            .text(note.admit),
            .text(note.place),
            .text(note.command),
            .integer(now)
        )
        try database.run(
            """
            DELETE FROM ignored WHERE channel = ?1 AND row IN (
              SELECT row FROM ignored WHERE channel = ?1 ORDER BY at DESC, row DESC LIMIT -1 OFFSET ?2)
            """,
            .text(channel),
            .count(Self.mostIgnored)
        )
    }

    /// Newest first; of these channels.
    func ignored(of channels: [String], limit: Int) throws(JournalError) -> [IgnoredItem] {
        var items: [IgnoredItem] = []
        for channel in channels {
            items += try database.rows(
                """
                SELECT channel, code, conversation, sender, chat_type, label, sender_name, message_id, reason, admit, place,
                  command, count, at FROM ignored WHERE channel = ? ORDER BY at DESC, row DESC LIMIT ?
                """,
                .text(channel),
                .count(limit),
                map: Self.ignoredItem
            )
            items += try database.rows(
                """
                SELECT channel, conversation, sender, message_id, settled_at, state, sentence FROM turns
                WHERE state IN ('expired', 'dropped') AND channel = ? ORDER BY settled_at DESC LIMIT ?
                """,
                .text(channel),
                .count(limit)
            ) { row in
                let isDropped = row.text(5) == "dropped"
                var note = IgnoredNote(code: isDropped ? "dropped" : "too-old", reason: row.text(6))
                note.conversation = row.text(1)
                note.senderName = row.text(2)
                note.messageID = row.text(3)
                note.command = "clawhold queue list" + (isDropped ? " --state dropped" : "")
                return IgnoredItem(channel: row.text(0), note: note, count: 1, at: row.integer(4))
            }
        }
        return Array(items.sorted { $0.at > $1.at }.prefix(limit))
    }

    /// How many each rule kept out, as far as it is remembered.
    func ignoredCounts(of channels: [String]) throws(JournalError) -> [String: Int] {
        var counts: [String: Int] = [:]
        for channel in channels {
            let found = try database.rows(
                "SELECT code, sum(count) FROM ignored WHERE channel = ? GROUP BY code",
                .text(channel)
            ) { ($0.text(0), $0.count(1)) }
            for (code, count) in found { counts[code, default: 0] += count }
        }
        return counts
    }

    private static func ignoredItem(_ row: SQLRow) -> IgnoredItem {
        var note = IgnoredNote(code: row.text(1), reason: row.text(8))
        note.conversation = row.text(2)
        note.sender = row.text(3)
        note.chatType = row.text(4)
        note.label = row.text(5)
        note.senderName = row.text(6)
        note.messageID = row.text(7)
        note.admit = row.text(9)
        note.place = row.text(10)
        note.command = row.text(11)
        return IgnoredItem(channel: row.text(0), note: note, count: row.count(12), at: row.integer(13))
    }

    // MARK: The owner

    func heardFrom(owner: OwnerChat) throws(JournalError) {
        try database.run(
            """
            INSERT INTO owners(channel, conversation, target, at) VALUES(?, ?, ?, ?)
            ON CONFLICT(channel) DO UPDATE SET conversation = excluded.conversation, target = excluded.target, at = excluded.at
            """,
            .text(owner.channel),
            .text(owner.conversation),
            .blob(owner.target),
            .integer(owner.at)
        )
    }

    func owners() throws(JournalError) -> [OwnerChat] {
        try database.rows("SELECT channel, conversation, target, at FROM owners") { row in
            OwnerChat(channel: row.text(0), conversation: row.text(1), target: row.blob(2), at: row.integer(3))
        }
    }
}
