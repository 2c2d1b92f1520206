import Testing

@testable import Journal

@Suite("figures of channels")
struct ChannelFigureTests {
    private func event(_ journal: SQLiteJournal, _ channel: String, _ state: String, at: Int64, reason: String = "")
        throws
    {
        try journal.database.run(
            """
            INSERT INTO inbox(event_key, channel, state, reason, received_at, settled_at)
            VALUES(hex(randomblob(8)), ?, ?, ?, ?, ?)
            """,
            .text(channel),
            .text(state),
            .text(reason),
            .integer(at),
            .integer(state == "received" ? 0 : at + 1)
        )
    }

    private func turn(_ journal: SQLiteJournal, _ channel: String, _ state: String) throws {
        try journal.database.run(
            """
            INSERT INTO turns(turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message,
              state, created_at) VALUES(hex(randomblob(8)), '', '', '', 'agent:main', ?, '', '', x'', x'', ?, 1)
            """,
            .text(channel),
            .text(state)
        )
    }

    private func part(_ journal: SQLiteJournal, _ channel: String, _ state: String, at: Int64) throws {
        try journal.database.run(
            """
            INSERT INTO outbox(origin, chunk, channel, conversation, target, text, state, created_at, settled_at)
            VALUES(hex(randomblob(8)), 0, ?, '', x'', '', ?, 1, ?)
            """,
            .text(channel),
            .text(state),
            .integer(at)
        )
    }

    @Test("each channel has its own: what waits, what was given up, the last in and out, who is ignored since when")
    func figures() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        let (one, other) = ("channel:telegram:default", "channel:telegram:work")
        for (state, at) in [("received", 50), ("normalizing", 40), ("normalized", 60), ("dead", 10)]
            as [(String, Int64)]
        {
            try event(journal, one, state, at: at)
        }
        for at in [5, 20, 30] as [Int64] { try event(journal, one, "ignored", at: at, reason: "reason \(at)") }
        for state in ["queued", "running", "done", "dead"] { try turn(journal, one, state) }
        for (state, at) in [("pending", 0), ("inflight", 0), ("dead", 9), ("sent", 70)] as [(String, Int64)] {
            try part(journal, one, state, at: at)
        }
        try event(journal, "webchat", "normalized", at: 80)
        let figures = try journal.figures(of: [one, other, "webchat", one], ignoredSince: 21)
        var expected = ChannelFigures()
        (expected.journalPending, expected.outboxPending, expected.deadLetters) = (4, 2, 3)
        (expected.lastInboundAt, expected.lastOutboundAt) = (60, 70)
        (expected.ignored, expected.lastIgnoredAt, expected.lastIgnoredReason) = (2, 31, "reason 30")
        #expect(figures[one] == expected)
        #expect(figures[other] == ChannelFigures())
        #expect(figures["webchat"]?.lastInboundAt == 80)
        #expect(figures.count == 3, "nobody else's")
    }

    @Test("a long past costs nothing: every question is answered from an index")
    func plans() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        for statement in [
            "SELECT received_at FROM inbox WHERE channel = 'c' AND state = 'dead' ORDER BY row DESC LIMIT 1",
            "SELECT settled_at FROM outbox WHERE channel = 'c' AND state = 'sent' ORDER BY row DESC LIMIT 1",
            "SELECT count(*) FROM inbox WHERE state = 'ignored' AND settled_at >= 1 AND channel = 'c'",
        ] {
            let plan = try journal.database.rows("EXPLAIN QUERY PLAN \(statement)") { $0.text(3) }
            #expect(plan.allSatisfy { $0.contains("USING INDEX") || $0.contains("USING COVERING INDEX") }, "\(plan)")
        }
    }
}
