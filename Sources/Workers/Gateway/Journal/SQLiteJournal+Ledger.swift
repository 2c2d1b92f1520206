extension SQLiteJournal {
    /// Sums that one question may return: 400 days of a handful of models, agents and ends.
    static let mostSums = 50_000

    func record(_ entries: [LedgerEntry]) throws(JournalError) -> Set<String> {
        var new: Set<String> = []
        for entry in entries where try insert(entry) > 0 { new.insert(entry.id) }
        return new
    }

    private func insert(_ entry: LedgerEntry) throws(JournalError) -> Int {
        try database.run(
            """
            INSERT INTO ledger(id, at, day, agent, session_key, run_id, purpose, provider, profile, model, served_model,
              input, output, cache_read, cache_write, reasoning, source, end, kind, status, first_content_ms, duration_ms,
              cause, cost)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
              ?24)
            ON CONFLICT(id) DO NOTHING
            """,
            .text(entry.id),
            .integer(entry.at),
            .text(entry.day),
            .text(entry.agent),
            .text(entry.sessionKey),
            .text(entry.runID),
            .text(entry.purpose),
            .text(entry.provider),
            .text(entry.profile),
            .text(entry.model),
            .text(entry.servedModel),
            .integer(entry.tokens.input),
            .integer(entry.tokens.output),
            .integer(entry.tokens.cacheRead),
            .integer(entry.tokens.cacheWrite),
            .integer(entry.tokens.reasoning),
            .text(entry.source),
            .text(entry.end),
            .text(entry.kind),
            .count(entry.status),
            .integer(entry.firstContentMilliseconds),
            .integer(entry.durationMilliseconds),
            .text(entry.cause),
            entry.cost.map(SQLValue.integer) ?? .null
        )
    }

    func ledgerSums(from first: String, through last: String) throws(JournalError) -> [LedgerSum] {
        try database.rows(
            """
            SELECT day, agent, provider, model, end, count(*), sum(input), sum(output), sum(cache_read), sum(cache_write),
              sum(reasoning), coalesce(sum(cost), 0), count(*) - count(cost)
            FROM ledger WHERE day BETWEEN ? AND ? GROUP BY day, agent, provider, model, end ORDER BY day LIMIT ?
            """,
            .text(first),
            .text(last),
            .count(Self.mostSums)
        ) { row in
            var sum = LedgerSum(
                day: row.text(0),
                agent: row.text(1),
                provider: row.text(2),
                model: row.text(3),
                end: row.text(4)
            )
            sum.attempts = row.count(5)
            sum.tokens.input = row.integer(6)
            sum.tokens.output = row.integer(7)
            sum.tokens.cacheRead = row.integer(8)
            sum.tokens.cacheWrite = row.integer(9)
            sum.tokens.reasoning = row.integer(10)
            sum.cost = row.integer(11)
            sum.unpriced = row.count(12)
            return sum
        }
    }

    func ledgerEntries(limit: Int) throws(JournalError) -> [LedgerEntry] {
        try database.rows(
            """
            SELECT id, at, day, agent, session_key, run_id, purpose, provider, profile, model, served_model, input, output,
              cache_read, cache_write, reasoning, source, end, kind, status, first_content_ms, duration_ms, cause, cost
            FROM ledger ORDER BY at DESC, row DESC LIMIT ?
            """,
            .count(limit),
            map: Self.ledgerEntry
        )
    }

    private static func ledgerEntry(_ row: SQLRow) -> LedgerEntry {
        var entry = LedgerEntry(
            id: row.text(0),
            at: row.integer(1),
            day: row.text(2),
            provider: row.text(7),
            model: row.text(9)
        )
        entry.agent = row.text(3)
        entry.sessionKey = row.text(4)
        entry.runID = row.text(5)
        entry.purpose = row.text(6)
        entry.profile = row.text(8)
        entry.servedModel = row.text(10)
        entry.tokens.input = row.integer(11)
        entry.tokens.output = row.integer(12)
        entry.tokens.cacheRead = row.integer(13)
        entry.tokens.cacheWrite = row.integer(14)
        entry.tokens.reasoning = row.integer(15)
        entry.source = row.text(16)
        entry.end = row.text(17)
        entry.kind = row.text(18)
        entry.status = row.count(19)
        entry.firstContentMilliseconds = row.integer(20)
        entry.durationMilliseconds = row.integer(21)
        entry.cause = row.text(22)
        entry.cost = row.isNull(23) ? nil : row.integer(23)
        return entry
    }
}
