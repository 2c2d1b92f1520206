extension SQLiteJournal {
    private static let callColumns = "call_id, state, record, has_ended, started_at, updated_at, rev"

    func keep(_ call: KeptCall, limit: Int, now: Int64) throws(JournalError) -> CallSave {
        let known = try database.first("SELECT has_ended FROM calls WHERE call_id = ?", .text(call.callID)) {
            $0.flag(0)
        }
        if known == true { return .ended }
        if known == nil, !call.hasEnded {
            let live = try database.first("SELECT count(*) FROM calls WHERE has_ended = 0") { $0.count(0) } ?? 0
            guard live < limit else { return .crowded }
        }
        let rev = try database.first("SELECT max(rev) FROM calls") { $0.integer(0) } ?? 0
        try database.run(
            """
            INSERT INTO calls(\(Self.callColumns)) VALUES(?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT(call_id) DO UPDATE SET state = excluded.state, record = excluded.record,
              has_ended = excluded.has_ended, updated_at = excluded.updated_at, rev = excluded.rev
            """,
            .text(call.callID),
            .text(call.state),
            .blob(call.record),
            .flag(call.hasEnded),
            .integer(call.startedAt),
            .integer(now),
            .integer(rev + 1)
        )
        return .kept
    }

    func liveCalls() throws(JournalError) -> [KeptCall] {
        try database.rows(
            "SELECT \(Self.callColumns) FROM calls WHERE has_ended = 0 ORDER BY rev",
            map: Self.call
        )
    }

    func call(_ id: String) throws(JournalError) -> KeptCall? {
        let own = try database.first(
            "SELECT \(Self.callColumns) FROM calls WHERE call_id = ?",
            .text(id),
            map: Self.call
        )
        if let own { return own }
        // Few rows, and seldom asked: no index for it.
        return try database.first(
            """
            SELECT \(Self.callColumns) FROM calls
            WHERE json_valid(CAST(record AS TEXT)) AND json_extract(CAST(record AS TEXT), '$.providerCallId') = ?
            ORDER BY rev DESC LIMIT 1
            """,
            .text(id),
            map: Self.call
        )
    }

    func calls(after rev: Int64?, limit: Int) throws(JournalError) -> [KeptCall] {
        guard let rev else {
            return try database.rows(
                "SELECT \(Self.callColumns) FROM calls ORDER BY rev DESC LIMIT ?",
                .count(limit),
                map: Self.call
            )
        }
        // The oldest changes first, or one that asks again and again would miss some.
        return try database.rows(
            "SELECT \(Self.callColumns) FROM calls WHERE rev > ? ORDER BY rev LIMIT ?",
            .integer(rev),
            .count(limit),
            map: Self.call
        ).reversed()
    }

    private static func call(_ row: SQLRow) -> KeptCall {
        var call = KeptCall(
            callID: row.text(0),
            state: row.text(1),
            record: row.blob(2),
            hasEnded: row.flag(3),
            startedAt: row.integer(4)
        )
        call.updatedAt = row.integer(5)
        call.rev = row.integer(6)
        return call
    }
}
