extension SQLiteJournal {
    static let turnColumns = """
        turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message, attempts, interrupt, row
        """

    func receiveChat(eventKey: String, turn: NewTurn, limit: Int, now: Int64) throws(JournalError) -> ChatReceipt {
        let known = try database.first(
            """
            SELECT turns.state, turns.status, turns.sentence FROM inbox LEFT JOIN turns ON turns.row = inbox.row
            WHERE inbox.event_key = ?
            """,
            .text(eventKey)
        ) { ($0.text(0), $0.text(1), $0.text(2)) }
        if let (state, status, sentence) = known {
            switch (state, status) {
            case ("queued", _), ("running", _): return .inFlight
            case ("done", "ok"): return .finished
            case ("aborted", _), ("done", "aborted"): return .failed("The run was stopped.")
            default: return .failed(sentence)
            }
        }
        guard try waiting(channel: NewTurn.webchat, limit: limit) < limit else { return .crowded }
        try database.run(
            """
            INSERT INTO inbox(event_key, channel, state, received_at, settled_at) VALUES(?1, ?2, 'normalized', ?3, ?3)
            """,
            .text(eventKey),
            .text(NewTurn.webchat),
            .integer(now)
        )
        try insert(turn, row: database.lastRow, now: now)
        return .started
    }

    func claimTurns(agent: String, incarnation: UInt64, limit: Int) throws(JournalError) -> TurnClaims {
        let running =
            try database.first(
                """
                SELECT count(*), count(*) FILTER (WHERE agent = ?1), max(own_deaths) FILTER (WHERE agent = ?1)
                FROM turns WHERE state = 'running'
                """,
                .text(agent)
            ) { ($0.count(0), $0.count(1), $0.integer(2)) } ?? (0, 0, 0)
        let suspectWaits =
            try database.first(
                "SELECT 1 FROM turns WHERE state = 'queued' AND agent = ? AND own_deaths > 0 LIMIT 1",
                .text(agent)
            ) { _ in true } ?? false
        var capacity = max(0, limit - running.0)
        // What may have killed an agent runs alone: the next death then names the guilty one.
        if running.2 > 0 || (suspectWaits && running.1 > 0) { capacity = 0 }
        if suspectWaits { capacity = min(capacity, 1) }
        let claimed =
            capacity == 0
            ? []
            : try database.rows(
                """
                SELECT \(Self.turnColumns) FROM turns AS t
                WHERE state = 'queued' AND agent = ?1 AND (own_deaths > 0) = ?2
                  AND NOT EXISTS (SELECT 1 FROM turns AS r WHERE r.lane = t.lane AND r.state = 'running')
                  AND (own_deaths > 0 OR
                    NOT EXISTS (SELECT 1 FROM turns AS e WHERE e.lane = t.lane AND e.state = 'queued' AND e.row < t.row))
                ORDER BY row LIMIT ?3
                """,
                .text(agent),
                .flag(suspectWaits),
                .count(capacity),
                map: Self.turnRow
            )
        for entry in claimed {
            try database.run(
                "UPDATE turns SET state = 'running', incarnation = ?, attempts = attempts + 1 WHERE row = ?",
                .incarnation(incarnation),
                .integer(entry.row)
            )
        }
        let moreWait =
            try database.first("SELECT 1 FROM turns WHERE state = 'queued' AND agent = ? LIMIT 1", .text(agent)) { _ in
                true
            }
        var turns = try turnRows(claimed)
        for index in turns.indices { turns[index].attempts += 1 }
        return TurnClaims(turns: turns, moreWait: moreWait ?? false)
    }

    func settleTurn(
        turnID: String,
        agent: String,
        incarnation: UInt64,
        result: TurnResult,
        now: Int64
    ) throws(JournalError) -> TurnSettlement {
        let found = try database.first(
            "SELECT \(Self.turnColumns) FROM turns WHERE turn_id = ? AND agent = ?",
            .text(turnID),
            .text(agent),
            map: Self.turnRow
        )
        guard let found else { return .unknown }
        let state = result.status == .aborted ? "aborted" : "done"
        let changed = try database.run(
            """
            UPDATE turns SET state = ?, status = ?, sentence = ?, settled_at = ?
            WHERE row = ? AND state = 'running' AND incarnation = ?
            """,
            .text(state),
            .text(result.status.rawValue),
            .text(result.sentence),
            .integer(now),
            .integer(found.row),
            .incarnation(incarnation)
        )
        guard changed == 1 else { return try isOpen(found.row) ? .unknown : .known }
        guard found.turn.channel != NewTurn.webchat else { return .settled }
        for (index, text) in result.chunks.enumerated() {
            try insertChunk(
                origin: turnID,
                chunk: index,
                channel: found.turn.channel,
                notice: NewNotice(conversation: found.turn.conversation, target: found.turn.target, text: text),
                now: now
            )
        }
        return .settled
    }

    func stop(
        lane: String,
        sessionKey: String,
        runID: String?,
        reason: String,
        now: Int64
    ) throws(JournalError) -> StopOutcome {
        guard let runID else {
            return .stopped(try stop(lane: lane, where: "lane = ?1", lane, reason: reason, now: now))
        }
        let key = try database.first(
            "SELECT session_key FROM turns WHERE run_id = ? AND state IN ('queued', 'running')",
            .text(runID)
        ) { $0.text(0) }
        guard let key else { return .stopped([]) }
        guard key == sessionKey else { return .otherSession }
        return .stopped(try stop(lane: lane, where: "run_id = ?1", runID, reason: reason, now: now))
    }

    func fail(agent: String, sentence: String, now: Int64) throws(JournalError) -> [StoppedTurn] {
        let waiting = try database.rows(
            "SELECT \(Self.turnColumns) FROM turns WHERE state = 'queued' AND agent = ? ORDER BY row LIMIT 500",
            .text(agent),
            map: Self.turnRow
        )
        for entry in waiting {
            try database.run(
                "UPDATE turns SET state = 'done', status = 'error', sentence = ?, settled_at = ? WHERE row = ?",
                .text(sentence),
                .integer(now),
                .integer(entry.row)
            )
            try tell(entry.turn, sentence: sentence, now: now)
        }
        return waiting.map { Self.stopped($0.turn, wasRunning: false) }
    }

    func tellWaiting(agent: String, sentence: String, now: Int64) throws(JournalError) -> [StoppedTurn] {
        // What was told stands in the row until its turn has ended.
        let untold = try database.rows(
            """
            SELECT \(Self.turnColumns) FROM turns WHERE state = 'queued' AND agent = ?1 AND sentence = ''
            AND NOT EXISTS (SELECT 1 FROM turns AS other WHERE other.lane = turns.lane AND other.state = 'queued'
              AND other.channel = turns.channel AND other.conversation = turns.conversation AND (other.sentence <> '' OR other.row < turns.row))
            ORDER BY row LIMIT 500
            """,
            .text(agent),
            map: Self.turnRow
        )
        for entry in untold {
            try database.run("UPDATE turns SET sentence = ? WHERE row = ?", .text(sentence), .integer(entry.row))
            try tell(entry.turn, sentence: sentence, origin: "\(entry.turn.turnID):waits", now: now)
        }
        return untold.map { Self.stopped($0.turn, wasRunning: false) }
    }

    /// A sentence to the sender of a turn, through the outbox. WebChat hears it as an event instead.
    ///
    /// `origin`: when it is not the turn's answer.
    func tell(_ turn: NewTurn, sentence: String, origin: String? = nil, now: Int64) throws(JournalError) {
        guard turn.channel != NewTurn.webchat else { return }
        let notice = NewNotice(conversation: turn.conversation, target: turn.target, text: sentence)
        let origin = origin ?? turn.turnID
        try insertChunk(origin: origin, chunk: 0, channel: turn.channel, notice: notice, now: now)
    }

    func stop(
        lane: String,
        where condition: String,
        _ value: String,
        reason: String,
        now: Int64
    ) throws(JournalError) -> [StoppedTurn] {
        let found = try database.rows(
            "SELECT \(Self.turnColumns), state FROM turns WHERE \(condition) AND state IN ('queued', 'running') ORDER BY row",
            .text(value)
        ) { (Self.turnRow($0), $0.text(13) == "running") }
        for (entry, isRunning) in found {
            try database.run(
                isRunning
                    ? "UPDATE turns SET interrupt = ? WHERE row = ?3 AND ?2 > 0"
                    : "UPDATE turns SET state = 'aborted', interrupt = ?, settled_at = ? WHERE row = ?3",
                .text(reason),
                .integer(now),
                .integer(entry.row)
            )
        }
        return found.map { Self.stopped($0.0.turn, wasRunning: $0.1) }
    }

    func insert(_ turn: NewTurn, row: Int64, now: Int64) throws(JournalError) {
        try database.run(
            """
            INSERT INTO turns(row, turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message,
              state, created_at)
            VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?)
            """,
            .integer(row),
            .text(turn.turnID),
            .text(turn.runID),
            .text(turn.sessionKey),
            .text(turn.lane),
            .text(turn.agent),
            .text(turn.channel),
            .text(turn.account),
            .text(turn.conversation),
            .blob(turn.target),
            .blob(turn.message),
            .integer(now)
        )
    }

    /// A turn as its row holds it, tools apart.
    struct TurnEntry {
        var row: Int64
        var turn: NewTurn
        var attempts: Int
        var interrupt: String
    }

    func turnRows(_ entries: [TurnEntry]) throws(JournalError) -> [TurnRow] {
        var rows: [TurnRow] = []
        for entry in entries {
            let tools = try toolCalls(of: entry.turn.turnID)
            rows.append(
                TurnRow(turn: entry.turn, attempts: entry.attempts, interrupt: entry.interrupt, toolCalls: tools)
            )
        }
        return rows
    }

    static func turnRow(_ row: SQLRow) -> TurnEntry {
        TurnEntry(
            row: row.integer(12),
            turn: NewTurn(
                turnID: row.text(0),
                runID: row.text(1),
                sessionKey: row.text(2),
                lane: row.text(3),
                agent: row.text(4),
                channel: row.text(5),
                account: row.text(6),
                conversation: row.text(7),
                target: row.blob(8),
                message: row.blob(9)
            ),
            attempts: row.count(10),
            interrupt: row.text(11)
        )
    }

    static func stopped(_ turn: NewTurn, wasRunning: Bool) -> StoppedTurn {
        StoppedTurn(
            turnID: turn.turnID,
            runID: turn.runID,
            sessionKey: turn.sessionKey,
            agent: turn.agent,
            wasRunning: wasRunning
        )
    }

    private func isOpen(_ row: Int64) throws(JournalError) -> Bool {
        try database.first("SELECT 1 FROM turns WHERE row = ? AND state IN ('queued', 'running')", .integer(row)) { _ in
            true
        } ?? false
    }
}
