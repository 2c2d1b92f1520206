extension SQLiteJournal {
    func openTool(
        turnID: String,
        agent: String,
        incarnation: UInt64,
        call: ToolRow
    ) throws(JournalError) -> Bool {
        guard try isHeld(turnID, agent, incarnation) else { return false }
        // The same call again is the frame that was sent twice: its row stands.
        try database.run(
            """
            INSERT INTO tool_calls(turn_id, call_id, position, name, arguments, read_only)
            VALUES(?1, ?2, (SELECT count(*) FROM tool_calls WHERE turn_id = ?1), ?3, ?4, ?5)
            ON CONFLICT(turn_id, call_id) DO NOTHING
            """,
            .text(turnID),
            .text(call.callID),
            .text(call.name),
            .blob(call.arguments),
            .flag(call.isReadOnly)
        )
        return true
    }

    func closeTool(
        turnID: String,
        agent: String,
        incarnation: UInt64,
        callID: String,
        result: ToolOutcome
    ) throws(JournalError) -> Bool {
        guard try isHeld(turnID, agent, incarnation) else { return false }
        let isThere = try database.first(
            "SELECT 1 FROM tool_calls WHERE turn_id = ? AND call_id = ?",
            .text(turnID),
            .text(callID)
        ) { _ in true }
        guard isThere != nil else { return false }
        // The first result counts.
        try database.run(
            """
            UPDATE tool_calls SET closed = 1, result = ?, is_error = ? WHERE turn_id = ? AND call_id = ? AND closed = 0
            """,
            .text(result.text),
            .flag(result.isError),
            .text(turnID),
            .text(callID)
        )
        return true
    }

    func toolCalls(of turnID: String) throws(JournalError) -> [ToolRow] {
        try database.rows(
            """
            SELECT call_id, name, arguments, read_only, closed, result, is_error FROM tool_calls
            WHERE turn_id = ? ORDER BY position
            """,
            .text(turnID)
        ) { row in
            ToolRow(
                callID: row.text(0),
                name: row.text(1),
                arguments: row.blob(2),
                isReadOnly: row.flag(3),
                result: row.flag(4) ? ToolOutcome(text: row.text(5), isError: row.flag(6)) : nil
            )
        }
    }

    private func isHeld(_ turnID: String, _ agent: String, _ incarnation: UInt64) throws(JournalError) -> Bool {
        try database.first(
            "SELECT 1 FROM turns WHERE turn_id = ? AND agent = ? AND state = 'running' AND incarnation = ?",
            .text(turnID),
            .text(agent),
            .incarnation(incarnation)
        ) { _ in true } ?? false
    }
}
