extension SQLiteJournal {
    func queueItems(_ filter: QueueFilter) throws(JournalError) -> [QueueItem] {
        let limit = max(0, filter.limit)
        let channel = filter.channel
        var items: [QueueItem] = []
        for (state, names) in Self.inboxStates where filter.states.contains(state) {
            items += try database.rows(
                """
                SELECT \(Self.inboxItem) FROM inbox WHERE state IN (\(names)) AND \(Self.isOf) ORDER BY row DESC LIMIT ?2
                """,
                .text(channel),
                .count(limit)
            ) { Self.inboxItem($0, state) }
        }
        for (state, names) in Self.turnStates where filter.states.contains(state) {
            items += try database.rows(
                """
                SELECT \(Self.turnItem) FROM turns WHERE state IN (\(names)) AND \(Self.isOf) ORDER BY row DESC LIMIT ?2
                """,
                .text(channel),
                .count(limit)
            ) { Self.turnItem($0, state) }
        }
        for (state, names) in Self.outboxStates where filter.states.contains(state) {
            items += try database.rows(
                """
                SELECT \(Self.outboxItem) FROM outbox WHERE state IN (\(names)) AND \(Self.isOf) ORDER BY row DESC LIMIT ?2
                """,
                .text(channel),
                .count(limit)
            ) { Self.outboxItem($0, state) }
        }
        return Array(items.sorted { ($0.at, $0.id.description) > ($1.at, $1.id.description) }.prefix(limit))
    }

    func queueCounts() throws(JournalError) -> [QueueState: Int] {
        var counts: [QueueState: Int] = [:]
        for (table, states) in [
            ("inbox", Self.inboxStates), ("turns", Self.turnStates), ("outbox", Self.outboxStates),
        ] {
            for (state, names) in states where QueueState.open.contains(state) {
                counts[state, default: 0] +=
                    try database.first("SELECT count(*) FROM \(table) WHERE state IN (\(names))") { $0.count(0) } ?? 0
            }
        }
        return counts
    }

    func queueDetail(_ id: QueueID) throws(JournalError) -> QueueDetail? {
        switch id {
        case .inbox(let row):
            return try database.first(
                """
                SELECT \(Self.inboxItem), state, event_key, coalesce(raw, x''), own_deaths, unknown_deaths
                FROM inbox WHERE row = ?
                """,
                .integer(row)
            ) { row in
                guard let state = Self.state(row.text(8), Self.inboxStates) else { return nil }
                var detail = QueueDetail(item: Self.inboxItem(row, state))
                detail.eventKey = row.text(9)
                detail.body = row.blob(10)
                detail.ownDeaths = row.count(11)
                detail.unknownDeaths = row.count(12)
                return detail
            } ?? nil
        case .turn(let turnID): return try turnDetail(turnID)
        case .outbox(let row):
            return try database.first(
                """
                SELECT \(Self.outboxItem), state, text, message_id, possible_duplicate, in_doubt, own_deaths, unknown_deaths,
                  next_attempt_at, origin || '#' || chunk FROM outbox WHERE row = ?
                """,
                .integer(row)
            ) { row in
                guard let state = Self.state(row.text(8), Self.outboxStates) else { return nil }
                var detail = QueueDetail(item: Self.outboxItem(row, state))
                detail.text = row.text(9)
                detail.messageID = row.text(10)
                detail.isPossibleDuplicate = row.flag(11)
                detail.isInDoubt = row.flag(12)
                detail.ownDeaths = row.count(13)
                detail.unknownDeaths = row.count(14)
                detail.nextAttemptAt = row.integer(15)
                detail.eventKey = row.text(16)
                return detail
            } ?? nil
        }
    }

    private func turnDetail(_ turnID: String) throws(JournalError) -> QueueDetail? {
        let found: QueueDetail? =
            try database.first(
                """
                SELECT \(Self.turnItem), state, run_id, session_key, message, message_id, own_deaths, unknown_deaths, due_at,
                  (SELECT event_key FROM inbox WHERE inbox.row = turns.row) FROM turns WHERE turn_id = ?
                """,
                .text(turnID)
            ) { row in
                guard let state = Self.state(row.text(10), Self.turnStates) else { return nil }
                var detail = QueueDetail(item: Self.turnItem(row, state))
                detail.runID = row.text(11)
                detail.sessionKey = row.text(12)
                detail.body = row.blob(13)
                detail.messageID = row.text(14)
                detail.ownDeaths = row.count(15)
                detail.unknownDeaths = row.count(16)
                detail.nextAttemptAt = row.integer(17)
                detail.eventKey = row.text(18)
                return detail
            } ?? nil
        guard var detail = found else { return nil }
        detail.merged = try database.rows(
            """
            SELECT turn_id FROM turns WHERE state = 'merged'
            AND merged_into = (SELECT row FROM turns WHERE turn_id = ?) ORDER BY row LIMIT 100
            """,
            .text(turnID)
        ) { .turn($0.text(0)) }
        return detail
    }

    // MARK: Orders

    func order(_ order: QueueOrder, _ id: QueueID, now: Int64) throws(JournalError) -> QueueOrderOutcome {
        guard let detail = try queueDetail(id) else { return .refused(try absence(of: id)) }
        let item = detail.item
        var stopped: [StoppedTurn] = []
        switch (order, id) {
        case (.retry, _) where item.state == .waiting: return .refused("\(id) waits already")
        case (_, _) where item.state == .running:
            return .refused("\(id) is being worked on: stop the run first (/stop in its conversation)")
        case (.drop, _) where item.state == .dropped: return .refused("\(id) was dropped already: \(item.reason)")
        case (.retry, .inbox(let row)):
            guard !detail.body.isEmpty else { return .refused("the contents of \(id) are gone") }
            try database.run(
                """
                UPDATE inbox SET state = 'received', reason = '', attempts = 0, own_deaths = 0, unknown_deaths = 0, settled_at = 0
                WHERE row = ?
                """,
                .integer(row)
            )
        case (.retry, .turn(let turnID)):
            guard !detail.body.isEmpty else { return .refused("the contents of \(id) are gone") }
            try retry(turnID: turnID, now: now)
        case (.retry, .outbox(let row)):
            // Whether it is in doubt stays: its worker looks for it first where its network allows that.
            try database.run(
                """
                UPDATE outbox SET state = 'pending', error = '', attempts = 0, own_deaths = 0, unknown_deaths = 0,
                  next_attempt_at = 0, settled_at = 0, age_from = ? WHERE row = ?
                """,
                .integer(now),
                .integer(row)
            )
        case (.drop(let by), .inbox(let row)):
            try database.run(
                "UPDATE inbox SET state = 'dropped', reason = ?, settled_at = ? WHERE row = ?",
                .text("dropped by \(by)"),
                .integer(now),
                .integer(row)
            )
        case (.drop(let by), .turn(let turnID)):
            let entry = try database.first(
                "SELECT \(Self.turnColumns) FROM turns WHERE turn_id = ?",
                .text(turnID),
                map: Self.turnRow
            )
            guard let entry else { return .refused(try absence(of: id)) }
            let reason = "dropped by \(by)"
            try leave(entry.row, turnID, state: "dropped", reason: reason, tells: false, now: now)
            if item.state == .waiting { stopped = [Self.stopped(entry.turn, wasRunning: false)] }
        case (.drop(let by), .outbox(let row)):
            try end(row, state: "dropped", error: "dropped by \(by)", now: now)
        }
        let after = try queueDetail(id)?.item ?? item
        return .done(after, worker: after.agent.isEmpty ? after.channel : after.agent, stopped: stopped)
    }

    private func retry(turnID: String, now: Int64) throws(JournalError) {
        // What its sender was told when it had to wait or was given up stays told; what comes now gets its own rows.
        try database.run(
            "UPDATE outbox SET origin = origin || ':told:' || row WHERE origin IN (?1, ?2)",
            .text(turnID),
            .text(Self.waits(turnID))
        )
        try database.run(
            """
            UPDATE turns SET state = 'queued', status = '', sentence = '', interrupt = '', attempts = 0, own_deaths = 0,
              unknown_deaths = 0, settled_at = 0, merged_into = 0, follows = 0, due_at = 0, buffer = '', age_from = ?,
              collects = CASE collects WHEN 2 THEN 2 ELSE 0 END
            WHERE turn_id = ?
            """,
            .integer(now),
            .text(turnID)
        )
    }

    /// Why there is nothing that an order could be about.
    private func absence(of id: QueueID) throws(JournalError) -> String {
        let state: String?
        switch id {
        case .inbox(let row):
            state = try database.first("SELECT state FROM inbox WHERE row = ?", .integer(row)) { $0.text(0) }
        case .turn(let turnID):
            state = try database.first("SELECT state FROM turns WHERE turn_id = ?", .text(turnID)) { $0.text(0) }
        case .outbox(let row):
            state = try database.first("SELECT state FROM outbox WHERE row = ?", .integer(row)) { $0.text(0) }
        }
        return switch state {
        case nil: "there is no \(id)"
        case "done", "normalized": "\(id) has ended"
        case "ignored": "\(id) was not for the bot"
        case "aborted": "\(id) was stopped"
        case "merged": "\(id) is answered together with another message"
        case "held": "\(id) waits for the end of its turn"
        case "sent": "\(id) was sent already"
        default: "\(id) is \(state ?? "")"
        }
    }

    // MARK: Columns

    private static let inboxStates: [(QueueState, String)] = [
        (.waiting, "'received'"), (.running, "'normalizing'"), (.dead, "'dead'"), (.dropped, "'dropped'"),
    ]
    private static let turnStates: [(QueueState, String)] = [
        (.waiting, "'queued', 'buffered'"), (.running, "'running'"), (.dead, "'dead'"), (.expired, "'expired'"),
        (.dropped, "'dropped'"),
    ]
    private static let outboxStates: [(QueueState, String)] = [
        (.waiting, "'pending'"), (.running, "'inflight'"), (.dead, "'dead'"), (.rejected, "'rejected'"),
        (.dropped, "'dropped'"),
    ]

    private static func state(_ name: String, _ states: [(QueueState, String)]) -> QueueState? {
        states.first { $0.1.contains("'\(name)'") }?.0
    }

    private static let isOf =
        "(?1 = '' OR channel = ?1 OR (substr(?1, -1) = ':' AND substr(channel, 1, length(?1)) = ?1))"

    private static let inboxItem = """
        row, channel, conversation, sender, received_at, settled_at, attempts, reason
        """

    private static func inboxItem(_ row: SQLRow, _ state: QueueState) -> QueueItem {
        var item = QueueItem(
            id: .inbox(row.integer(0)),
            state: state,
            channel: row.text(1),
            at: row.integer(4),
            attempts: row.count(6),
            reason: row.text(7),
            text: ""
        )
        item.conversation = row.text(2)
        item.sender = row.text(3)
        item.settledAt = row.integer(5)
        return item
    }

    private static let turnItem = """
        turn_id, channel, conversation, sender, created_at, settled_at, attempts, sentence, preview, agent
        """

    private static func turnItem(_ row: SQLRow, _ state: QueueState) -> QueueItem {
        var item = QueueItem(
            id: .turn(row.text(0)),
            state: state,
            channel: row.text(1),
            at: row.integer(4),
            attempts: row.count(6),
            reason: row.text(7),
            text: row.text(8)
        )
        item.agent = row.text(9)
        item.conversation = row.text(2)
        item.sender = row.text(3)
        item.settledAt = row.integer(5)
        return item
    }

    private static let outboxItem = """
        row, channel, conversation, substr(text, 1, 160), created_at, settled_at, attempts, error
        """

    private static func outboxItem(_ row: SQLRow, _ state: QueueState) -> QueueItem {
        var item = QueueItem(
            id: .outbox(row.integer(0)),
            state: state,
            channel: row.text(1),
            at: row.integer(4),
            attempts: row.count(6),
            reason: row.text(7),
            text: String(row.text(3).map { $0.isNewline ? " " : $0 })
        )
        item.conversation = row.text(2)
        item.settledAt = row.integer(5)
        return item
    }
}
