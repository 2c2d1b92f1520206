extension SQLiteJournal {
    static let turnColumns = """
        turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message, attempts, interrupt, row
        """

    func receiveChat(
        eventKey: String,
        turn: NewTurn,
        limit: Int,
        rules: QueueRules = QueueRules(),
        now: Int64
    ) throws(JournalError) -> ChatReceipt {
        if let known = try chatReceipt(eventKey) { return known }
        guard try waiting(channel: NewTurn.webchat, limit: limit) < limit else { return .crowded }
        try database.run(
            """
            INSERT INTO inbox(event_key, channel, state, received_at, settled_at) VALUES(?1, ?2, 'normalized', ?3, ?3)
            """,
            .text(eventKey),
            .text(NewTurn.webchat),
            .integer(now)
        )
        return .started(try enter(turn, row: database.lastRow, rules: rules, now: now))
    }

    /// What is known of a key. A message that was answered together with another one shares its fate.
    private func chatReceipt(_ eventKey: String) throws(JournalError) -> ChatReceipt? {
        var found = try database.first(
            """
            SELECT turns.state, turns.status, turns.sentence, turns.merged_into
            FROM inbox LEFT JOIN turns ON turns.row = inbox.row WHERE inbox.event_key = ?
            """,
            .text(eventKey)
        ) { (state: $0.text(0), status: $0.text(1), sentence: $0.text(2), head: $0.integer(3)) }
        // Gathered once, collected once.
        for _ in 0..<2 {
            guard let merged = found, merged.state == "merged" else { break }
            found = try database.first(
                "SELECT state, status, sentence, merged_into FROM turns WHERE row = ?",
                .integer(merged.head)
            ) { (state: $0.text(0), status: $0.text(1), sentence: $0.text(2), head: $0.integer(3)) }
        }
        guard let found else { return nil }
        switch (found.state, found.status) {
        case ("queued", _), ("running", _), ("buffered", _): return .inFlight
        case ("done", "ok"): return .finished
        case ("aborted", _), ("done", "aborted"): return .failed("The run was stopped.")
        default: return .failed(found.sentence)
        }
    }

    func claimTurns(
        agent: String,
        incarnation: UInt64,
        limit: Int,
        maxAge: Int64 = 0,
        maxAgeByChannel: [String: Int64] = [:],
        now: Int64 = 0
    ) throws(JournalError) -> TurnClaims {
        var claims = TurnClaims()
        if maxAge > 0 { claims.expired = try expire(agent: agent, before: now - maxAge, now: now) }
        for (channel, age) in maxAgeByChannel.sorted(by: { $0.key < $1.key }) {
            claims.expired += try expire(agent: agent, before: now - age, of: channel, now: now)
            // There may be more of them, which must not be claimed.
            guard claims.expired.count < Self.expireBatch else {
                claims.moreWait = true
                return claims
            }
        }
        for entry in try claimable(agent: agent, limit: limit, saidSince: maxAge > 0 ? now - maxAge : .min, now: now) {
            if entry.attempts == 0 {
                claims.merged += try collect(entry)
                try takeHeard(entry)
            }
            try database.run(
                "UPDATE turns SET state = 'running', incarnation = ?, attempts = attempts + 1, due_at = 0 WHERE row = ?",
                .incarnation(incarnation),
                .integer(entry.row)
            )
            claims.turns += try turnRows(try self.entry(entry.row).map { [$0] } ?? [])
        }
        let moreWait = try database.first(
            "SELECT 1 FROM turns WHERE state = 'queued' AND agent = ? LIMIT 1",
            .text(agent)
        ) { _ in true }
        claims.moreWait = moreWait ?? false
        if claims.moreWait { claims.dueAt = try nextDue(now) }
        return claims
    }

    private func claimable(
        agent: String,
        limit: Int,
        saidSince: Int64,
        now: Int64
    ) throws(JournalError) -> [TurnEntry] {
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
        guard capacity > 0 else { return [] }
        return try database.rows(
            """
            SELECT \(Self.turnColumns) FROM turns AS t
            WHERE state = 'queued' AND agent = ?1 AND (own_deaths > 0) = ?2 AND age_from >= ?5
              AND (due_at <= ?4 OR due_at > ?4 + \(Self.farthest))
              AND NOT EXISTS (SELECT 1 FROM turns AS r WHERE r.lane = t.lane AND r.state = 'running')
              AND (own_deaths > 0 OR
                NOT EXISTS (SELECT 1 FROM turns AS e WHERE e.lane = t.lane AND e.state = 'queued' AND e.row < t.row))
            ORDER BY row LIMIT ?3
            """,
            .text(agent),
            .flag(suspectWaits),
            .count(capacity),
            .integer(now),
            .integer(saidSince),
            map: Self.turnRow
        )
    }

    private func entry(_ row: Int64) throws(JournalError) -> TurnEntry? {
        try database.first("SELECT \(Self.turnColumns) FROM turns WHERE row = ?", .integer(row), map: Self.turnRow)
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
        guard found.turn.channel != NewTurn.webchat else {
            try ended(found.row, turnID, isAnswered: result.status == .ok, now: now)
            return .settled
        }
        for (index, part) in result.parts.enumerated() {
            try insertChunk(
                origin: turnID,
                chunk: index,
                channel: found.turn.channel,
                notice: NewNotice(conversation: found.turn.conversation, target: found.turn.target, part: part),
                now: now
            )
        }
        try ended(found.row, turnID, isAnswered: result.status == .ok, now: now)
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
            "SELECT session_key FROM turns WHERE run_id = ? AND state IN ('queued', 'running', 'buffered')",
            .text(runID)
        ) { $0.text(0) }
        guard let key else { return .stopped([]) }
        guard key == sessionKey else { return .otherSession }
        return .stopped(try stop(lane: lane, where: "run_id = ?1", runID, reason: reason, now: now))
    }

    func fail(agent: String, sentence: String, now: Int64) throws(JournalError) -> [StoppedTurn] {
        let waiting = try database.rows(
            "SELECT \(Self.turnColumns) FROM turns WHERE state IN ('queued', 'buffered') AND agent = ? ORDER BY row LIMIT 500",
            .text(agent),
            map: Self.turnRow
        )
        for entry in waiting {
            try database.run(
                """
                UPDATE turns SET state = 'done', status = 'error', sentence = ?, settled_at = ?, due_at = 0, buffer = ''
                WHERE row = ?
                """,
                .text(sentence),
                .integer(now),
                .integer(entry.row)
            )
            try tell(entry.turn, sentence: sentence, now: now)
            try ended(entry.row, entry.turn.turnID, isAnswered: false, now: now)
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
            try tell(entry.turn, sentence: sentence, origin: Self.waits(entry.turn.turnID), now: now)
        }
        return untold.map { Self.stopped($0.turn, wasRunning: false) }
    }

    /// The name of what a sender is told while the turn waits.
    static func waits(_ turnID: String) -> String { "\(turnID):waits" }

    /// A sentence to the sender of a turn, through the outbox. WebChat hears it as an event instead.
    ///
    /// `origin`: when it is not the turn's answer.
    func tell(_ turn: NewTurn, sentence: String, origin: String? = nil, now: Int64) throws(JournalError) {
        guard turn.channel != NewTurn.webchat else { return }
        let notice = NewNotice(conversation: turn.conversation, target: turn.target, text: sentence)
        let origin = origin ?? turn.turnID
        try insertChunk(origin: origin, chunk: 0, channel: turn.channel, notice: notice, now: now)
    }

    /// `except`: the row that all others make room for.
    func stop(
        lane: String,
        where condition: String,
        _ value: String,
        except: Int64 = 0,
        reason: String,
        now: Int64
    ) throws(JournalError) -> [StoppedTurn] {
        let found = try database.rows(
            """
            SELECT \(Self.turnColumns), state FROM turns
            WHERE \(condition) AND state IN ('queued', 'running', 'buffered') AND row <> ?2 ORDER BY row
            """,
            .text(value),
            .integer(except)
        ) { (Self.turnRow($0), $0.text(13) == "running") }
        for (entry, isRunning) in found {
            try database.run(
                isRunning
                    ? "UPDATE turns SET interrupt = ? WHERE row = ?3 AND ?2 > 0"
                    : "UPDATE turns SET state = 'aborted', interrupt = ?, settled_at = ?, due_at = 0, buffer = '' WHERE row = ?3",
                .text(reason),
                .integer(now),
                .integer(entry.row)
            )
            if !isRunning { try ended(entry.row, entry.turn.turnID, isAnswered: false, now: now) }
        }
        // Nobody is told any more of what was dropped before.
        try database.run(
            "UPDATE turns SET merged_into = -1 WHERE lane = ? AND state = 'dropped' AND merged_into = 0",
            .text(lane)
        )
        return found.map { Self.stopped($0.0.turn, wasRunning: $0.1) }
    }

    func insert(
        _ turn: NewTurn,
        row: Int64,
        state: String,
        buffer: String = "",
        size: Int = 0,
        now: Int64
    ) throws(JournalError) {
        let facts = turn.facts
        try database.run(
            """
            INSERT INTO turns(row, turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message,
              created_at, state, buffer, sender, preview, message_id, room, source, solo, size, age_from)
            VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
            .integer(now),
            .text(state),
            .text(buffer),
            .text(facts.sender),
            .text(facts.preview),
            .text(facts.messageID),
            .text(facts.room),
            .text(facts.source),
            .flag(facts.isSolo),
            .count(size),
            // A network's clock may be wrong, but nothing was written after it came.
            .integer(facts.saidAt > 0 ? min(facts.saidAt, now) : now)
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
            var row = TurnRow(
                turn: entry.turn,
                attempts: entry.attempts,
                interrupt: entry.interrupt,
                toolCalls: tools
            )
            try fill(&row, of: entry)
            rows.append(row)
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
