/// The journal in one SQLite file.
///
/// Every method is a transition without a transaction of its own: `JournalWriter` puts each in a savepoint and several in
/// one commit. Used by one thread.
final class SQLiteJournal: DeliveryJournal {
    let database: Database

    /// Opens or creates the file, and its tables. Throws `unusable` or `corrupt`.
    init(path: String) throws(JournalError) {
        database = try Database(path: path)
        // Exclusive: no shared-memory file, and a second gateway on the same state cannot even read.
        try database.execute("PRAGMA locking_mode=EXCLUSIVE")
        let version = try database.first("PRAGMA user_version") { $0.integer(0) } ?? 0
        guard version <= Schema.version else {
            throw .unusable(
                "\(path) was written by a newer Clawhold (schema \(version), this one knows \(Schema.version)):"
                    + " start that version, or move the file away"
            )
        }
        try database.execute("PRAGMA journal_mode=WAL")
        try database.execute("PRAGMA journal_size_limit=4194304")
        try database.execute("PRAGMA temp_store=MEMORY")
        try database.execute("PRAGMA cache_size=-1024")
        if version == 0 { try database.execute("BEGIN IMMEDIATE;\(Schema.statements)COMMIT") }
        database.skipCheckpointOnClose()
    }

    func adopt(epoch: String, sentence: String, limits: PoisonLimits, now: Int64) throws(JournalError) -> ReleaseReport
    {
        let last = try meta("epoch")
        guard last != epoch else { return ReleaseReport() }
        let wasShutDown = try meta("shutdown") == last
        let report = try release(
            Scope(worker: nil, incarnation: .max),
            death: wasShutDown ? .uncounted : .unknown,
            cause: "Clawhold itself ended",
            sentence: sentence,
            limits: limits,
            now: now
        )
        try database.run("DELETE FROM exits")
        try setMeta("epoch", epoch)
        return report
    }

    func noteShutdown(epoch: String) throws(JournalError) {
        try setMeta("shutdown", epoch)
    }

    func holdings(worker: String, incarnation: UInt64) throws(JournalError) -> Holdings {
        var holdings = Holdings()
        holdings.cursor =
            try database.first("SELECT cursor FROM cursors WHERE channel = ?", .text(worker)) { $0.blob(0) } ?? []
        holdings.inbox = try database.rows(
            """
            SELECT row, event_key, raw, attempts, received_at FROM inbox
            WHERE channel = ? AND state = 'normalizing' AND incarnation = ? ORDER BY row
            """,
            .text(worker),
            .incarnation(incarnation),
            map: Self.inboxRow
        )
        holdings.turns = try turnRows(
            try database.rows(
                """
                SELECT \(Self.turnColumns) FROM turns WHERE agent = ? AND state = 'running' AND incarnation = ? ORDER BY row
                """,
                .text(worker),
                .incarnation(incarnation),
                map: Self.turnRow
            )
        )
        holdings.sends = try database.rows(
            """
            SELECT \(Self.outboxColumns) FROM outbox
            WHERE channel = ? AND state = 'inflight' AND incarnation = ? ORDER BY row
            """,
            .text(worker),
            .incarnation(incarnation),
            map: Self.outboxRow
        )
        return holdings
    }

    func shed() { database.shed() }

    func workersWithWork() throws(JournalError) -> [String] {
        try database.rows(
            """
            SELECT DISTINCT agent FROM turns WHERE state = 'queued'
            UNION SELECT DISTINCT channel FROM inbox WHERE state = 'received'
            UNION SELECT DISTINCT channel FROM outbox WHERE state = 'pending'
            """
        ) { $0.text(0) }
    }

    func counts() throws(JournalError) -> JournalCounts {
        var counts = JournalCounts()
        let states = try database.rows(
            """
            SELECT 'inbox' || state, count(*) FROM inbox WHERE state IN ('received', 'normalizing', 'dead') GROUP BY state
            UNION ALL
            SELECT 'turns' || state, count(*) FROM turns WHERE state IN ('queued', 'running', 'dead') GROUP BY state
            UNION ALL
            SELECT 'outbox' || state, count(*) FROM outbox WHERE state IN ('pending', 'inflight', 'dead') GROUP BY state
            """
        ) { ($0.text(0), $0.count(1)) }
        for (name, count) in states {
            switch name {
            case "inboxreceived", "inboxnormalizing": counts.inboxPending += count
            case "turnsqueued": counts.turnsQueued = count
            case "turnsrunning": counts.turnsRunning = count
            case "outboxpending": counts.outboxPending = count
            case "outboxinflight": counts.outboxInflight = count
            default: counts.deadLetters += count
            }
        }
        return counts
    }

    func deadLetters(limit: Int) throws(JournalError) -> [DeadItem] {
        try database.rows(
            "SELECT row, worker, name, reason FROM dead_letters ORDER BY at DESC, row DESC LIMIT ?",
            .count(limit)
        ) { DeadItem(row: $0.integer(0), worker: $0.text(1), name: $0.text(2), reason: $0.text(3)) }
    }

    func recordGap(channel: String, text: String, now: Int64) throws(JournalError) {
        try database.run(
            "INSERT INTO gaps(channel, text, at) VALUES(?, ?, ?)",
            .text(channel),
            .text(text),
            .integer(now)
        )
    }

    func prune(now: Int64) throws(JournalError) {
        let day: Int64 = 86_400_000
        let batch: SQLValue = .integer(500)
        let week: SQLValue = .integer(now - 7 * day)
        let month: SQLValue = .integer(now - 30 * day)
        try database.run(
            """
            DELETE FROM tool_calls WHERE turn_id IN (
              SELECT turn_id FROM turns WHERE settled_at BETWEEN 1 AND ? AND state <> 'dead' LIMIT ?)
            """,
            week,
            batch
        )
        // A turn's row answers for its idempotency key as long as the key is known; only its message goes early.
        try database.run(
            """
            UPDATE turns SET message = x'', target = x'' WHERE row IN (
              SELECT row FROM turns WHERE settled_at BETWEEN 1 AND ? AND state <> 'dead' AND message <> x'' LIMIT ?)
            """,
            week,
            batch
        )
        try database.run(
            """
            DELETE FROM outbox WHERE row IN (
              SELECT row FROM outbox WHERE state IN ('sent', 'rejected') AND settled_at < ? LIMIT ?)
            """,
            week,
            batch
        )
        for (table, states) in [("outbox", "'dead'"), ("turns", "'done', 'aborted', 'dead'")] {
            try database.run(
                """
                DELETE FROM \(table) WHERE row IN (
                  SELECT row FROM \(table) WHERE state IN (\(states)) AND settled_at < ? LIMIT ?)
                """,
                month,
                batch
            )
        }
        try database.run(
            """
            DELETE FROM inbox WHERE row IN (
              SELECT row FROM inbox WHERE state IN ('normalized', 'ignored', 'dead') AND settled_at < ?1
              AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.row = inbox.row) LIMIT ?2)
            """,
            month,
            batch
        )
        try database.run("DELETE FROM gaps WHERE at < ?", month)
    }

    private func meta(_ key: String) throws(JournalError) -> String {
        try database.first("SELECT value FROM meta WHERE key = ?", .text(key)) { $0.text(0) } ?? ""
    }

    private func setMeta(_ key: String, _ value: String) throws(JournalError) {
        try database.run(
            "INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            .text(key),
            .text(value)
        )
    }
}
