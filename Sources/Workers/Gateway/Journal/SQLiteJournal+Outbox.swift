extension SQLiteJournal {
    static let outboxColumns = """
        row, origin, chunk, conversation, target, text, in_doubt, attempts, created_at, payload, minor, age_from, first_tried_at
        """

    func claimSends(
        channel: String,
        incarnation: UInt64,
        limit: Int,
        now: Int64
    ) throws(JournalError) -> SendClaims {
        let hands = try hands(of: channel, now: now)
        var capacity = max(0, limit - hands.chunks)
        if hands.holdsSuspect || hands.inboxSuspectWaits { capacity = 0 }
        if hands.outboxSuspectWaits { capacity = hands.events + hands.chunks == 0 ? min(capacity, 1) : 0 }
        var rows =
            capacity == 0
            ? []
            : try database.rows(
                """
                SELECT \(Self.outboxColumns) FROM outbox AS o
                WHERE channel = ?1 AND state = 'pending' AND next_attempt_at <= ?2 AND (?3 = 0 OR own_deaths > 0)
                  AND NOT EXISTS (
                    SELECT 1 FROM outbox AS e WHERE e.channel = o.channel AND e.conversation = o.conversation
                    AND e.minor = o.minor AND e.state = 'inflight')
                  AND NOT EXISTS (
                    SELECT 1 FROM outbox AS e WHERE e.channel = o.channel AND e.conversation = o.conversation
                    AND e.minor = o.minor AND e.state = 'pending' AND e.row < o.row)
                ORDER BY row LIMIT ?4
                """,
                .text(channel),
                .integer(now),
                .flag(hands.outboxSuspectWaits),
                .count(capacity),
                map: Self.outboxRow
            )
        for index in rows.indices {
            // The second sending of a row that may have arrived is on record before it leaves.
            try database.run(
                """
                UPDATE outbox SET state = 'inflight', incarnation = ?, attempts = attempts + 1,
                  possible_duplicate = max(possible_duplicate, in_doubt), first_tried_at = ? WHERE row = ?
                """,
                .incarnation(incarnation),
                .integer(rows[index].firstTriedAt > 0 ? rows[index].firstTriedAt : now),
                .integer(rows[index].row)
            )
            rows[index].attempts += 1
            if rows[index].firstTriedAt == 0 { rows[index].firstTriedAt = now }
        }
        let next = try database.first(
            "SELECT min(next_attempt_at) FROM outbox WHERE channel = ? AND state = 'pending' AND next_attempt_at > ?",
            .text(channel),
            .integer(now)
        ) { $0.integer(0) }
        return SendClaims(rows: rows, nextAt: (next ?? 0) > 0 ? next : nil)
    }

    func settleSend(
        row: Int64,
        channel: String,
        incarnation: UInt64,
        outcome: SendOutcome,
        possibleDuplicate: Bool,
        now: Int64
    ) throws(JournalError) -> SendSettlement {
        let found = try database.first(
            "SELECT state, incarnation, possible_duplicate, in_doubt FROM outbox WHERE row = ? AND channel = ?",
            .integer(row),
            .text(channel)
        ) { (state: $0.text(0), incarnation: $0.incarnation(1), duplicate: $0.flag(2), inDoubt: $0.flag(3)) }
        guard let found else { return .unknown }
        guard found.state == "inflight", found.incarnation == incarnation else {
            return found.state == "inflight" || found.state == "pending" ? .unknown : .known
        }
        let isDuplicate = found.duplicate || possibleDuplicate
        if possibleDuplicate {
            try database.run("UPDATE outbox SET possible_duplicate = 1 WHERE row = ?", .integer(row))
        }
        switch outcome {
        case .sent(let messageID):
            try database.run(
                "UPDATE outbox SET state = 'sent', message_id = ?, settled_at = ? WHERE row = ?",
                .text(messageID),
                .integer(now),
                .integer(row)
            )
        case .again(_, let error) where possibleDuplicate && found.inDoubt:
            let reason = "sent twice without an answer, it may have arrived (\(error))"
            try end(row, state: "dead", error: reason, now: now)
            return .settled(possibleDuplicate: true, isDead: true)
        case .again(let time, let error):
            try database.run(
                "UPDATE outbox SET state = 'pending', next_attempt_at = ?, error = ?, in_doubt = max(in_doubt, ?) WHERE row = ?",
                .integer(time),
                .text(error),
                .flag(possibleDuplicate),
                .integer(row)
            )
        case .rejected(let error): try end(row, state: "rejected", error: error, now: now)
        case .dead(let error):
            try end(row, state: "dead", error: error, now: now)
            return .settled(possibleDuplicate: isDuplicate, isDead: true)
        }
        return .settled(possibleDuplicate: isDuplicate, isDead: false)
    }

    func end(_ row: Int64, state: String, error: String, now: Int64) throws(JournalError) {
        try database.run(
            "UPDATE outbox SET state = ?, error = ?, settled_at = ? WHERE row = ?",
            .text(state),
            .text(error),
            .integer(now),
            .integer(row)
        )
    }

    func notify(origin: String, channel: String, notice: NewNotice, now: Int64) throws(JournalError) -> Bool {
        let isThere = try database.first("SELECT 1 FROM outbox WHERE origin = ? LIMIT 1", .text(origin)) { _ in true }
        guard isThere == nil else { return false }
        try insertChunk(origin: origin, chunk: 0, channel: channel, notice: notice, now: now)
        return true
    }

    func insertChunk(
        origin: String,
        chunk: Int,
        channel: String,
        notice: NewNotice,
        state: String = "pending",
        now: Int64
    ) throws(JournalError) {
        try database.run(
            """
            INSERT INTO outbox(origin, chunk, channel, conversation, target, text, payload, minor, state, created_at, age_from)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
            """,
            .text(origin),
            .count(chunk),
            .text(channel),
            .text(notice.conversation),
            .blob(notice.target),
            .text(notice.part.text),
            .blob(notice.part.payload),
            .flag(notice.part.isMinor),
            .text(state),
            .integer(now)
        )
    }

    static func outboxRow(_ row: SQLRow) -> OutboxRow {
        OutboxRow(
            row: row.integer(0),
            origin: row.text(1),
            chunk: row.count(2),
            conversation: row.text(3),
            target: row.blob(4),
            part: OutboxPart(text: row.text(5), payload: row.blob(9), isMinor: row.flag(10)),
            isInDoubt: row.flag(6),
            attempts: row.count(7),
            createdAt: row.integer(8),
            ageFrom: row.integer(11),
            firstTriedAt: row.integer(12)
        )
    }
}
