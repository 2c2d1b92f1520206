extension SQLiteJournal {
    func receive(_ event: InboundEvent, limit: Int, now: Int64) throws(JournalError) -> Receipt {
        let isKnown = try database.first("SELECT 1 FROM inbox WHERE event_key = ?", .text(event.eventKey)) { _ in true }
        if isKnown == nil {
            guard try waiting(channel: event.channel, limit: limit) < limit else { return .crowded }
            try database.run(
                "INSERT INTO inbox(event_key, channel, state, raw, received_at) VALUES(?, ?, 'received', ?, ?)",
                .text(event.eventKey),
                .text(event.channel),
                .blob(event.raw),
                .integer(now)
            )
        }
        let row = database.lastRow
        if !event.cursor.isEmpty { try advance(channel: event.channel, cursor: event.cursor) }
        return isKnown == nil ? .new(row: row) : .known
    }

    func advance(channel: String, cursor: [UInt8]) throws(JournalError) {
        try database.run(
            "INSERT INTO cursors(channel, cursor) VALUES(?, ?) ON CONFLICT(channel) DO UPDATE SET cursor = excluded.cursor",
            .text(channel),
            .blob(cursor)
        )
    }

    func claimInbox(
        channel: String,
        incarnation: UInt64,
        limit: Int,
        now: Int64
    ) throws(JournalError) -> [InboxRow] {
        let hands = try hands(of: channel, now: now)
        // Answers that wait for their network do not keep a /stop from being read.
        guard !hands.holdsSuspect, hands.events < limit else { return [] }
        if hands.inboxSuspectWaits {
            guard hands.events + hands.chunks == 0 else { return [] }
        } else if hands.outboxSuspectWaits {
            return []
        }
        let rows = try database.rows(
            """
            SELECT row, event_key, raw, attempts + 1, received_at FROM inbox
            WHERE channel = ? AND state = 'received' AND (own_deaths > 0) = ? ORDER BY row LIMIT ?
            """,
            .text(channel),
            .flag(hands.inboxSuspectWaits),
            .count(hands.inboxSuspectWaits ? 1 : limit - hands.events),
            map: Self.inboxRow
        )
        for row in rows {
            try database.run(
                "UPDATE inbox SET state = 'normalizing', incarnation = ?, attempts = attempts + 1 WHERE row = ?",
                .incarnation(incarnation),
                .integer(row.row)
            )
        }
        return rows
    }

    func settleInbox(
        row: Int64,
        channel: String,
        incarnation: UInt64,
        verdict: InboxVerdict,
        rules: QueueRules = QueueRules(),
        now: Int64
    ) throws(JournalError) -> InboxSettlement {
        let (state, reason): (String, String) =
            switch verdict.outcome {
            case .ignored(let reason), .heard(_, let reason): ("ignored", reason)
            case .turn: ("normalized", "")
            case .stop: ("normalized", "stop word")
            }
        let changed = try database.run(
            """
            UPDATE inbox SET state = ?, reason = ?, raw = NULL, settled_at = ?, conversation = ?, sender = ?, preview = ?
            WHERE row = ? AND channel = ? AND state = 'normalizing' AND incarnation = ?
            """,
            .text(state),
            .text(reason),
            .integer(now),
            .text(verdict.conversation),
            .text(verdict.sender),
            .text(verdict.preview),
            .integer(row),
            .text(channel),
            .incarnation(incarnation)
        )
        guard changed == 1 else { return .notClaimed }
        if let note = verdict.note { try self.note(note, channel: channel, now: now) }
        if let owner = verdict.owner { try heardFrom(owner: owner) }
        for (index, notice) in verdict.notices.enumerated() {
            try insertChunk(origin: "notice:\(row)", chunk: index, channel: channel, notice: notice, now: now)
        }
        switch verdict.outcome {
        case .ignored: return .settled(Entered())
        case .heard(let heard, _):
            let isKept = try keep(heard, row: row, channel: channel, conversation: verdict.conversation, now: now)
            if !isKept {
                try database.run(
                    "UPDATE inbox SET reason = 'a reaction to a message that is not the bot''s' WHERE row = ?",
                    .integer(row)
                )
            }
            return .settled(Entered())
        case .turn(let turn):
            // First, so that a turn that is refused lets go of it.
            try hold(verdict.afterTurn, turnID: turn.turnID, channel: channel, now: now)
            return .settled(try enter(turn, row: row, rules: rules, now: now))
        case .stop(let lane):
            var entered = Entered()
            entered.stopped = try stop(lane: lane, where: "lane = ?1", lane, reason: "stop", now: now)
            return .settled(entered)
        }
    }

    /// What a channel's worker has in its hands, and whether something that killed one must go alone.
    struct Hands {
        var events: Int
        var chunks: Int
        var holdsSuspect: Bool
        var inboxSuspectWaits: Bool
        var outboxSuspectWaits: Bool
    }

    func hands(of channel: String, now: Int64) throws(JournalError) -> Hands {
        let inbox = try database.first(
            """
            SELECT count(*), max(own_deaths) FROM inbox WHERE channel = ? AND state = 'normalizing'
            """,
            .text(channel)
        ) { ($0.count(0), $0.integer(1)) }
        let outbox = try database.first(
            "SELECT count(*), max(own_deaths) FROM outbox WHERE channel = ? AND state = 'inflight'",
            .text(channel)
        ) { ($0.count(0), $0.integer(1)) }
        let inboxSuspect = try database.first(
            "SELECT 1 FROM inbox WHERE channel = ? AND state = 'received' AND own_deaths > 0 LIMIT 1",
            .text(channel)
        ) { _ in true }
        let outboxSuspect = try database.first(
            """
            SELECT 1 FROM outbox WHERE channel = ? AND state = 'pending' AND own_deaths > 0 AND next_attempt_at <= ? LIMIT 1
            """,
            .text(channel),
            .integer(now)
        ) { _ in true }
        return Hands(
            events: inbox?.0 ?? 0,
            chunks: outbox?.0 ?? 0,
            holdsSuspect: (inbox?.1 ?? 0) > 0 || (outbox?.1 ?? 0) > 0,
            inboxSuspectWaits: inboxSuspect != nil,
            outboxSuspectWaits: outboxSuspect != nil
        )
    }

    /// How many messages of a channel wait for their answer, counted up to `limit`.
    func waiting(channel: String, limit: Int) throws(JournalError) -> Int {
        let events = try database.first(
            """
            SELECT count(*) FROM (
              SELECT 1 FROM inbox WHERE channel = ?1 AND state IN ('received', 'normalizing') LIMIT ?2)
            """,
            .text(channel),
            .count(limit)
        ) { $0.count(0) }
        let turns = try database.first(
            """
            SELECT count(*) FROM (SELECT 1 FROM turns WHERE state IN ('queued', 'buffered') AND channel = ?1 LIMIT ?2)
            """,
            .text(channel),
            .count(limit)
        ) { $0.count(0) }
        return (events ?? 0) + (turns ?? 0)
    }

    static func inboxRow(_ row: SQLRow) -> InboxRow {
        InboxRow(
            row: row.integer(0),
            eventKey: row.text(1),
            raw: row.blob(2),
            attempts: row.count(3),
            receivedAt: row.integer(4)
        )
    }
}
