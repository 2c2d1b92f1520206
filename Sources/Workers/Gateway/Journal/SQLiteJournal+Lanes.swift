extension SQLiteJournal {
    /// Puts a new turn where it belongs: among what is being gathered, or into its lane.
    ///
    /// A refused one stays as `dropped`.
    func enter(_ turn: NewTurn, row: Int64, rules: QueueRules, now: Int64) throws(JournalError) -> Entered {
        var entered = Entered()
        if !turn.facts.source.isEmpty {
            let pending = try gathered(of: turn)
            if let last = pending.last, let gathering = turn.facts.gatherings.first(where: { fits(turn, $0, pending) })
            {
                try insert(turn, row: row, state: "buffered", buffer: last.buffer, size: gathering.size, now: now)
                // Somebody who never stops is answered all the same.
                let latest = (pending.first?.createdAt ?? now) + 10 * gathering.wait
                return try wait(for: last.buffer, until: min(now + gathering.wait, max(latest, now)))
            }
            for buffer in Self.inOrder(pending.map(\.buffer)) {
                entered.add(try flush(buffer, rules: rules, now: now))
            }
            if let gathering = turn.facts.gatherings.first(where: \.mayBegin) {
                let buffer = "\(gathering.kind.rawValue):\(row):\(gathering.name)"
                try insert(turn, row: row, state: "buffered", buffer: buffer, size: gathering.size, now: now)
                entered.add(try wait(for: buffer, until: now + gathering.wait))
                return entered
            }
        }
        try insert(turn, row: row, state: "queued", now: now)
        entered.add(try enqueue(row, turn, rule: rules[turn.channel], now: now))
        return entered
    }

    /// What is due, and what will be next: gathered messages become turns.
    func releaseDue(rules: QueueRules, now: Int64) throws(JournalError) -> DueRelease {
        var release = DueRelease()
        // A clock that was set back must not keep anything for long.
        let buffers = try database.rows(
            """
            SELECT buffer FROM turns WHERE state = 'buffered' GROUP BY buffer
            HAVING max(due_at) <= ?1 OR max(due_at) > ?1 + \(Self.farthest) ORDER BY min(row) LIMIT 200
            """,
            .integer(now)
        ) { $0.text(0) }
        for buffer in buffers { release.entered.add(try flush(buffer, rules: rules, now: now)) }
        release.didFlush = !buffers.isEmpty
        release.agents = try database.rows(
            "SELECT DISTINCT agent FROM turns WHERE state = 'queued' AND (due_at <= ?1 OR due_at > ?1 + \(Self.farthest))",
            .integer(now)
        ) { $0.text(0) }
        release.entered.dueAt = try nextDue(now)
        return release
    }

    /// Nothing is ever due later than this, in milliseconds.
    static let farthest = 600_000

    func nextDue(_ now: Int64) throws(JournalError) -> Int64? {
        let next = try database.first(
            "SELECT min(due_at) FROM turns WHERE due_at > ? AND state IN ('buffered', 'queued')",
            .integer(now)
        ) { $0.integer(0) }
        return (next ?? 0) > 0 ? next : nil
    }

    // MARK: Gathering

    private struct Gathered {
        var buffer: String
        var messageID: String
        var size: Int
        var bytes: Int
        var createdAt: Int64
    }

    private func gathered(of turn: NewTurn) throws(JournalError) -> [Gathered] {
        try database.rows(
            """
            SELECT buffer, message_id, size, length(message), created_at FROM turns
            WHERE state = 'buffered' AND source = ? ORDER BY row
            """,
            .text(turn.facts.source)
        ) {
            Gathered(
                buffer: $0.text(0),
                messageID: $0.text(1),
                size: $0.count(2),
                bytes: $0.count(3),
                createdAt: $0.integer(4)
            )
        }
    }

    /// Whether `turn` goes with what is being gathered. There is never more than one of a source.
    private func fits(_ turn: NewTurn, _ gathering: Gathering, _ pending: [Gathered]) -> Bool {
        guard let last = pending.last, last.buffer.hasPrefix("\(gathering.kind.rawValue):"),
            last.buffer.hasSuffix(":\(gathering.name)") || gathering.name.isEmpty,
            pending.count < gathering.mostParts,
            pending.reduce(turn.message.count, { $0 + $1.bytes }) <= Self.mostMergedBytes
        else { return false }
        guard pending.reduce(gathering.size, { $0 + $1.size }) <= gathering.mostSize else { return false }
        guard gathering.kind == .paste else { return true }
        guard let before = Int64(last.messageID), let this = Int64(turn.facts.messageID) else { return false }
        return before < .max && before + 1 == this
    }

    /// Messages that become one must fit into one frame.
    static let mostMergedBytes = 256 * 1024

    private func wait(for buffer: String, until due: Int64) throws(JournalError) -> Entered {
        try database.run(
            "UPDATE turns SET due_at = ? WHERE state = 'buffered' AND buffer = ?",
            .integer(due),
            .text(buffer)
        )
        var entered = Entered()
        entered.dueAt = due
        return entered
    }

    /// What was gathered becomes one turn, under the name of its first message.
    func flush(_ buffer: String, rules: QueueRules, now: Int64) throws(JournalError) -> Entered {
        let entries = try database.rows(
            "SELECT \(Self.turnColumns) FROM turns WHERE state = 'buffered' AND buffer = ? ORDER BY row",
            .text(buffer),
            map: Self.turnRow
        )
        guard let first = entries.first, let last = entries.last else { return Entered() }
        let kind = buffer.prefix { $0 != ":" }
        try database.run(
            "UPDATE turns SET state = 'queued', buffer = '', due_at = 0, gather = ?, target = ? WHERE row = ?",
            .text(entries.count > 1 ? String(kind) : ""),
            // An album is answered at its first picture, which bears the caption; everything else at its last words.
            .blob(kind == Gathering.Kind.album.rawValue ? first.turn.target : last.turn.target),
            .integer(first.row)
        )
        for entry in entries.dropFirst() { try merge(entry.row, into: first.row) }
        return try enqueue(first.row, first.turn, rule: rules[first.turn.channel], now: now)
    }

    func merge(_ row: Int64, into head: Int64) throws(JournalError) {
        try database.run(
            "UPDATE turns SET state = 'merged', merged_into = ?, buffer = '', due_at = 0 WHERE row = ?",
            .integer(head),
            .integer(row)
        )
    }

    private static func inOrder(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    // MARK: The lane

    /// What its rule makes of a turn that is in its lane now.
    private func enqueue(
        _ row: Int64,
        _ turn: NewTurn,
        rule: QueueRule,
        now: Int64
    ) throws(JournalError) -> Entered {
        var entered = Entered()
        let isBusy = try database.first(
            "SELECT 1 FROM turns WHERE lane = ? AND state IN ('running', 'queued') AND row <> ? LIMIT 1",
            .text(turn.lane),
            .integer(row)
        ) { _ in true }
        guard isBusy != nil else { return entered }
        if rule.mode == .interrupt {
            entered.stopped = try stop(
                lane: turn.lane,
                where: "lane = ?1",
                turn.lane,
                except: row,
                reason: "interrupt",
                now: now
            )
            return entered
        }
        entered.add(try makeRoom(for: row, turn, rule: rule, now: now))
        guard entered.refusal == nil else { return entered }
        let collects = rule.mode == .collect
        try database.run(
            "UPDATE turns SET follows = 1, collects = ? * (1 - solo) WHERE row = ?",
            .flag(collects),
            .integer(row)
        )
        if collects { entered.dueAt = try postpone(turn.lane, by: rule.debounce, now: now) }
        return entered
    }

    /// All that is collected in a lane waits for quiet, but the oldest not for longer than ten times that.
    private func postpone(_ lane: String, by debounce: Int64, now: Int64) throws(JournalError) -> Int64 {
        let oldest =
            try database.first(
                "SELECT min(created_at) FROM turns WHERE lane = ? AND state = 'queued' AND collects = 1",
                .text(lane)
            ) { $0.integer(0) } ?? now
        let due = min(now + debounce, max(now, oldest + 10 * debounce))
        try database.run(
            "UPDATE turns SET due_at = ? WHERE lane = ? AND state = 'queued' AND collects = 1 AND attempts = 0",
            .integer(due),
            .text(lane)
        )
        return due
    }

    private func makeRoom(
        for row: Int64,
        _ turn: NewTurn,
        rule: QueueRule,
        now: Int64
    ) throws(JournalError) -> Entered {
        var entered = Entered()
        let waiting = try database.rows(
            """
            SELECT \(Self.turnColumns) FROM turns WHERE lane = ? AND state = 'queued' AND follows = 1 AND row <> ? ORDER BY row
            """,
            .text(turn.lane),
            .integer(row),
            map: Self.turnRow
        )
        guard waiting.count >= max(1, rule.cap) else { return entered }
        let reason = "dropped: \(waiting.count) messages waited in its conversation already (messages.queue.cap)"
        if rule.drop == .new {
            entered.refusal = reason
            try leave(row, turn.turnID, state: "dropped", reason: reason, tells: false, now: now)
            return entered
        }
        for entry in waiting.prefix(waiting.count - max(1, rule.cap) + 1) {
            try leave(
                entry.row,
                entry.turn.turnID,
                state: "dropped",
                reason: reason,
                tells: rule.drop == .summarize,
                now: now
            )
            entered.stopped.append(Self.stopped(entry.turn, wasRunning: false))
        }
        return entered
    }

    /// A turn that waits ends without having run. With `tells` the next one of its lane says that it was dropped.
    func leave(
        _ row: Int64,
        _ turnID: String,
        state: String,
        reason: String,
        tells: Bool,
        now: Int64
    ) throws(JournalError) {
        try database.run(
            """
            UPDATE turns SET state = ?, sentence = ?, settled_at = ?, merged_into = ?, due_at = 0, buffer = ''
            WHERE row = ?
            """,
            .text(state),
            .text(reason),
            .integer(now),
            .integer(tells ? 0 : -1),
            .integer(row)
        )
        try ended(row, turnID, isAnswered: false, now: now)
    }

    // MARK: Collecting

    /// A turn is about to run for the first time: what waits behind it and may be answered with it goes with it, and what was
    /// dropped before it is told. Returns those that were merged.
    func collect(_ entry: TurnEntry) throws(JournalError) -> [StoppedTurn] {
        try database.run(
            "UPDATE turns SET merged_into = ? WHERE lane = ? AND state = 'dropped' AND merged_into = 0",
            .integer(entry.row),
            .text(entry.turn.lane)
        )
        let isCollecting = try database.first(
            "SELECT 1 FROM turns WHERE row = ? AND own_deaths = 0 AND collects = 1",
            .integer(entry.row)
        ) { _ in true }
        guard isCollecting == true else { return [] }
        let waiting = try database.rows(
            """
            SELECT \(Self.turnColumns), collects, own_deaths + attempts, length(message) FROM turns
            WHERE lane = ? AND state = 'queued' AND row > ? ORDER BY row
            """,
            .text(entry.turn.lane),
            .integer(entry.row)
        ) { (entry: Self.turnRow($0), collects: $0.flag(13) && $0.count(14) == 0, bytes: $0.count(15)) }
        let isOnePlace = waiting.allSatisfy { other in
            other.entry.turn.channel == entry.turn.channel && other.entry.turn.account == entry.turn.account
                && other.entry.turn.conversation == entry.turn.conversation
        }
        guard isOnePlace else {
            // Answers go to where each came from: one by one, all that wait now.
            try database.run(
                "UPDATE turns SET collects = 0, due_at = 0 WHERE lane = ? AND state = 'queued'",
                .text(entry.turn.lane)
            )
            return []
        }
        var merged: [StoppedTurn] = []
        var bytes = try totalBytes(of: entry.row)
        for other in waiting.prefix(while: \.collects) {
            bytes += try totalBytes(of: other.entry.row)
            guard bytes <= Self.mostMergedBytes else { break }
            try merge(other.entry.row, into: entry.row)
            merged.append(Self.stopped(other.entry.turn, wasRunning: false))
        }
        guard let last = merged.last else { return [] }
        try database.run(
            """
            UPDATE turns SET collects = 2, target = (SELECT target FROM turns WHERE turn_id = ?) WHERE row = ?
            """,
            .text(last.turnID),
            .integer(entry.row)
        )
        return merged
    }

    private func totalBytes(of row: Int64) throws(JournalError) -> Int {
        try database.first(
            "SELECT sum(length(message)) FROM turns WHERE row = ?1 OR (merged_into = ?1 AND state = 'merged')",
            .integer(row)
        ) { $0.count(0) } ?? 0
    }
}

/// What came due.
package struct DueRelease: Sendable, Equatable {
    /// Whether anything that was gathered became a turn.
    package var didFlush = false
    /// Agents that have turns to run now.
    package var agents: [String] = []
    /// With the time when to look again.
    package var entered = Entered()

    package init() {}
}
