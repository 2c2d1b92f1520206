/// The journal in one SQLite file.
///
/// Every method is a transition without a transaction of its own: `JournalWriter` puts each in a savepoint and several in
/// one commit. Used by one thread.
final class SQLiteJournal: DeliveryJournal {
    let database: Database
    /// Whether free pages can leave the file in small steps.
    private(set) var isShrinkable = false

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
        // Before the first table, or it has no effect: what is deleted gives its space back in small steps.
        if version == 0 { try database.execute("PRAGMA auto_vacuum=INCREMENTAL") }
        try database.execute("PRAGMA journal_mode=WAL")
        try database.execute("PRAGMA journal_size_limit=4194304")
        try database.execute("PRAGMA temp_store=MEMORY")
        try database.execute("PRAGMA cache_size=-1024")
        try upgrade(from: version)
        isShrinkable = try makeShrinkable()
        database.skipCheckpointOnClose()
    }

    /// Brings an older file up to date, all of it or nothing.
    private func upgrade(from version: Int64) throws(JournalError) {
        guard version < Schema.version else { return }
        let steps = Schema.steps.dropFirst(Int(clamping: version)).joined()
        do throws(JournalError) {
            try database.execute("BEGIN IMMEDIATE;\(steps)COMMIT")
        } catch {
            if database.isInTransaction { try? database.execute("ROLLBACK") }
            throw error
        }
    }

    /// A file of version 1 learns to shrink by being written anew once; a big one only when it has become small, as that takes
    /// as long as reading it and needs as much space again.
    private func makeShrinkable() throws(JournalError) -> Bool {
        guard try database.first("PRAGMA auto_vacuum", map: { $0.integer(0) }) == 0 else { return true }
        let used = try database.first(
            """
            SELECT (page_count - freelist_count) * page_size
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size
            """
        ) { $0.integer(0) }
        guard let used, used <= 32 * 1024 * 1024 else { return false }
        do throws(JournalError) {
            try database.execute("PRAGMA auto_vacuum=INCREMENTAL; VACUUM")
            return true
        } catch {
            // It works as it is; the next start tries again.
            return false
        }
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
        if worker.hasPrefix("channel:voice-call:") { holdings.calls = try liveCalls() }
        if worker.hasPrefix("model:") { holdings.modelState = try modelState(of: String(worker.dropFirst(6))) }
        return holdings
    }

    func shed() { database.shed() }

    func workersWithWork() throws(JournalError) -> [String] {
        try database.rows(
            """
            SELECT DISTINCT agent FROM turns WHERE state IN ('queued', 'buffered')
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
            SELECT 'turns' || state, count(*) FROM turns WHERE state IN ('queued', 'buffered', 'running', 'dead') GROUP BY state
            UNION ALL
            SELECT 'outbox' || state, count(*) FROM outbox WHERE state IN ('pending', 'inflight', 'dead') GROUP BY state
            """
        ) { ($0.text(0), $0.count(1)) }
        for (name, count) in states {
            switch name {
            case "inboxreceived", "inboxnormalizing": counts.inboxPending += count
            case "turnsqueued", "turnsbuffered": counts.turnsQueued += count
            case "turnsrunning": counts.turnsRunning = count
            case "outboxpending": counts.outboxPending = count
            case "outboxinflight": counts.outboxInflight = count
            default: counts.deadLetters += count
            }
        }
        return counts
    }

    func recordGap(channel: String, text: String, now: Int64) throws(JournalError) {
        try database.run(
            "INSERT INTO gaps(channel, text, at) VALUES(?, ?, ?)",
            .text(channel),
            .text(text),
            .integer(now)
        )
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
