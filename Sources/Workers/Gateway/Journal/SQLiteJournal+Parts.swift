extension SQLiteJournal {
    /// What a turn that is given to an agent consists of. The same at every attempt: all of it stands in rows that bear the
    /// turn's mark since it was first claimed.
    func fill(_ row: inout TurnRow, of entry: TurnEntry) throws(JournalError) {
        let marks = try database.first("SELECT gather, collects FROM turns WHERE row = ?", .integer(entry.row)) {
            (gather: $0.text(0), collects: $0.count(1))
        }
        let members = try members(of: entry.row)
        if let marks, !members.isEmpty {
            // A turn that was gathered and then collected others: what was gathered first comes first, as one of them.
            row.gather = marks.collects == 2 ? "collect" : marks.gather
            for member in members {
                let parts = try self.members(of: member.row).map {
                    TurnPart(message: $0.part.message, gather: "", parts: [])
                }
                var part = member.part
                part.parts = parts
                row.parts.append(part)
            }
            if marks.collects == 2, !marks.gather.isEmpty { try regroup(&row, marks.gather, members.map(\.row)) }
        }
        row.dropped = try database.rows(
            """
            SELECT preview FROM (SELECT preview, row FROM turns WHERE merged_into = ? AND state = 'dropped'
              ORDER BY row DESC LIMIT 20) ORDER BY row
            """,
            .integer(entry.row)
        ) { $0.text(0) }
        if !row.dropped.isEmpty {
            row.droppedCount =
                try database.first(
                    "SELECT count(*) FROM turns WHERE merged_into = ? AND state = 'dropped'",
                    .integer(entry.row)
                ) { $0.count(0) } ?? 0
        }
        try heard(&row, turnID: entry.turn.turnID)
    }

    /// Members that were gathered with the head carry no mark of their own; those that were collected with it do.
    private func regroup(_ row: inout TurnRow, _ gather: String, _ members: [Int64]) throws(JournalError) {
        var own: [TurnPart] = []
        var collected: [TurnPart] = []
        for (part, member) in zip(row.parts, members) {
            let isCollected = try database.first("SELECT follows FROM turns WHERE row = ?", .integer(member)) {
                $0.flag(0)
            }
            if isCollected == true { collected.append(part) } else { own.append(part) }
        }
        row.headGather = gather
        row.headParts = own
        row.parts = collected
    }

    private func members(of head: Int64) throws(JournalError) -> [(row: Int64, part: TurnPart)] {
        try database.rows(
            "SELECT row, message, gather FROM turns WHERE merged_into = ? AND state = 'merged' ORDER BY row",
            .integer(head)
        ) { ($0.integer(0), TurnPart(message: $0.blob(1), gather: $0.text(2), parts: [])) }
    }

    /// A turn has ended, or will not begin: what waited for its end goes out, its room's memory is cleared by an answer and
    /// otherwise free for the next turn.
    func ended(_ row: Int64, _ turnID: String, isAnswered: Bool, now: Int64) throws(JournalError) {
        var ids = [turnID]
        for member in try mergedIDs(row) {
            ids.append(member.turnID)
            for inner in try mergedIDs(member.row) { ids.append(inner.turnID) }
            try settle(membersOf: member.row, now: now)
        }
        try settle(membersOf: row, now: now)
        for id in ids { try promote(id, now: now) }
        try database.run(
            isAnswered ? "DELETE FROM heard WHERE turn_id = ?" : "UPDATE heard SET turn_id = '' WHERE turn_id = ?",
            .text(turnID)
        )
    }

    private func mergedIDs(_ head: Int64) throws(JournalError) -> [(row: Int64, turnID: String)] {
        try database.rows(
            "SELECT row, turn_id FROM turns WHERE merged_into = ? AND state = 'merged'",
            .integer(head)
        ) { ($0.integer(0), $0.text(1)) }
    }

    /// Counts the time from which contents are forgotten.
    private func settle(membersOf head: Int64, now: Int64) throws(JournalError) {
        try database.run(
            "UPDATE turns SET settled_at = ? WHERE merged_into = ? AND state = 'merged'",
            .integer(now),
            .integer(head)
        )
    }

    // MARK: What waits for a turn's end

    static func afterTurn(_ turnID: String) -> String { "\(turnID):after" }

    /// Written with the turn, sent behind its answer.
    func hold(_ notices: [NewNotice], turnID: String, channel: String, now: Int64) throws(JournalError) {
        for (index, notice) in notices.enumerated() {
            try insertChunk(
                origin: Self.afterTurn(turnID),
                chunk: index,
                channel: channel,
                notice: notice,
                state: "held",
                now: now
            )
        }
    }

    private func promote(_ turnID: String, now: Int64) throws(JournalError) {
        let held = try database.rows(
            """
            SELECT row, chunk, channel, conversation, target, text, payload, minor FROM outbox
            WHERE origin = ? AND state = 'held' ORDER BY chunk
            """,
            .text(Self.afterTurn(turnID))
        ) {
            (
                row: $0.integer(0), chunk: $0.count(1), channel: $0.text(2),
                notice: NewNotice(
                    conversation: $0.text(3),
                    target: $0.blob(4),
                    part: OutboxPart(text: $0.text(5), payload: $0.blob(6), isMinor: $0.flag(7))
                )
            )
        }
        for item in held {
            // Rows go out in their order: a new one stands behind the answer.
            try database.run("DELETE FROM outbox WHERE row = ?", .integer(item.row))
            try insertChunk(
                origin: Self.afterTurn(turnID),
                chunk: item.chunk,
                channel: item.channel,
                notice: item.notice,
                now: now
            )
        }
    }
}
