extension SQLiteJournal {
    /// Rows of a table that one call forgets, at most: what a commit may wait for it.
    static let pruneBatch = 100
    /// Pages that one call gives back to the disk, at most.
    static let vacuumBatch = 128

    func prune(now: Int64) throws(JournalError) -> Bool {
        let day: Int64 = 86_400_000
        var mayBeMore = false
        func forget(_ sql: String, before days: Int64) throws(JournalError) {
            let count = try database.run(sql, .integer(now - days * day), .count(Self.pruneBatch))
            if count >= Self.pruneBatch { mayBeMore = true }
        }
        // A turn's row answers for its idempotency key as long as the key is known; only its contents go early.
        func forgetTools(of turns: String, before days: Int64) throws(JournalError) {
            try forget(
                "DELETE FROM tool_calls WHERE turn_id IN (SELECT turn_id FROM turns WHERE row IN (\(turns)))",
                before: days
            )
        }
        let contents = """
            SELECT row FROM turns WHERE settled_at BETWEEN 1 AND ?1 AND message <> x'' AND state NOT IN ('dead', 'expired')
            AND \(Self.isOfNone("'dead', 'expired'")) LIMIT ?2
            """
        try forgetTools(of: contents, before: 7)
        try forget("UPDATE turns SET message = x'', target = x'' WHERE row IN (\(contents))", before: 7)
        try forget(
            """
            DELETE FROM outbox WHERE row IN (
              SELECT row FROM outbox WHERE state IN ('sent', 'dropped') AND settled_at < ?1 LIMIT ?2)
            """,
            before: 7
        )
        try forget("DELETE FROM heard WHERE row IN (SELECT row FROM heard WHERE at < ?1 LIMIT ?2)", before: 7)
        let ended = """
            SELECT row FROM turns WHERE settled_at BETWEEN 1 AND ?1 AND state <> 'dead' AND \(Self.isOfNone("'dead'")) LIMIT ?2
            """
        try forgetTools(of: ended, before: 30)
        try forget("DELETE FROM turns WHERE row IN (\(ended))", before: 30)
        try forget(
            "DELETE FROM outbox WHERE row IN (SELECT row FROM outbox WHERE state = 'rejected' AND settled_at < ?1 LIMIT ?2)",
            before: 30
        )
        try forgetTools(of: "SELECT row FROM turns WHERE state = 'dead' AND settled_at < ?1 LIMIT ?2", before: 90)
        for table in ["outbox", "turns"] {
            try forget(
                """
                DELETE FROM \(table) WHERE row IN (
                  SELECT row FROM \(table) WHERE state = 'dead' AND settled_at < ?1 LIMIT ?2)
                """,
                before: 90
            )
        }
        for (states, days) in [("'normalized', 'ignored', 'dropped'", Int64(30)), ("'dead'", 90)] {
            try forget(
                """
                DELETE FROM inbox WHERE row IN (
                  SELECT row FROM inbox WHERE state IN (\(states)) AND settled_at < ?1
                  AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.row = inbox.row) LIMIT ?2)
                """,
                before: days
            )
        }
        try forget("DELETE FROM ignored WHERE row IN (SELECT row FROM ignored WHERE at < ?1 LIMIT ?2)", before: 30)
        try forget("DELETE FROM gaps WHERE row IN (SELECT row FROM gaps WHERE at < ?1 LIMIT ?2)", before: 90)
        try forget(
            """
            DELETE FROM calls WHERE call_id IN (SELECT call_id FROM calls WHERE has_ended = 1 AND updated_at < ?1 LIMIT ?2)
            """,
            before: 90
        )
        try forget("DELETE FROM ledger WHERE row IN (SELECT row FROM ledger WHERE at < ?1 LIMIT ?2)", before: 400)
        return try giveBack() || mayBeMore
    }

    /// A turn that is not answered together with one of these states, which a retry would have answered with all its parts:
    /// it was gathered into one, or into one that was collected by it.
    private static func isOfNone(_ states: String) -> String {
        """
        NOT EXISTS (SELECT 1 FROM turns AS head LEFT JOIN turns AS top ON head.state = 'merged' AND top.row = head.merged_into
          WHERE turns.state = 'merged' AND head.row = turns.merged_into
          AND (head.state IN (\(states)) OR top.state IN (\(states))))
        """
    }

    /// Pages that nothing uses any more leave the file, a few at a time. Returns whether there are more.
    private func giveBack() throws(JournalError) -> Bool {
        let free = try database.first("PRAGMA freelist_count") { $0.count(0) } ?? 0
        // What a busy day will use again may stay.
        guard free > Self.vacuumBatch * 4 else { return false }
        try database.run("PRAGMA incremental_vacuum(\(Self.vacuumBatch))")
        return free > Self.vacuumBatch * 5 && isShrinkable
    }
}
