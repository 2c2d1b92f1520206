import Testing

@testable import Journal

@Suite("upgrade of the journal")
struct UpgradeTests {
    private static let channel = "channel:telegram:default"

    /// A file as version 1 left it while it was running: an event that waits, a turn that runs, a chunk in flight, one waiting.
    private func versionOne(_ path: String) throws {
        let old = try Database(path: path)
        try old.execute("PRAGMA journal_mode=WAL")
        try old.execute(Schema.steps[0])
        #expect(try old.first("PRAGMA user_version") { $0.integer(0) } == 1)
        try old.execute(
            """
            INSERT INTO inbox(event_key, channel, state, raw, received_at) VALUES('waits', '\(Self.channel)', 'received', x'07', 5);
            INSERT INTO inbox(event_key, channel, state, received_at, settled_at)
              VALUES('runs', '\(Self.channel)', 'normalized', 5, 5);
            INSERT INTO cursors VALUES('\(Self.channel)', x'01');
            INSERT INTO turns(row, turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message,
                state, incarnation, attempts, created_at)
              VALUES(2, 'turn', 'turn', 'lane', 'lane', 'agent:main', '\(Self.channel)', 'default', '1', x'01', x'02',
                'running', 3, 1, 5);
            INSERT INTO outbox(origin, chunk, channel, conversation, target, text, state, incarnation, attempts, created_at)
              VALUES('old', 0, '\(Self.channel)', '1', x'01', 'said', 'inflight', 4, 1, 5);
            INSERT INTO outbox(origin, chunk, channel, conversation, target, text, state, created_at)
              VALUES('old', 1, '\(Self.channel)', '1', x'01', 'to say', 'pending', 5);
            """
        )
    }

    @Test("a running journal of version 1 is opened, and nothing that was under way is lost")
    func opens() throws {
        let directory = Directory()
        let path = directory.path + "/j.sqlite"
        try versionOne(path)
        let journal = try SQLiteJournal(path: path)
        #expect(try journal.database.first("PRAGMA user_version") { $0.integer(0) } == Schema.version)
        #expect(journal.isShrinkable)
        #expect(try journal.receive(event("waits"), limit: 10, now: 9) == .known)
        #expect(
            try journal.claimInbox(channel: Self.channel, incarnation: 4, limit: 9, now: 9).map(\.eventKey) == ["waits"]
        )
        let turns = try journal.holdings(worker: "agent:main", incarnation: 3).turns
        #expect(turns.map(\.turn.message) == [[2]])
        let sends = try journal.holdings(worker: Self.channel, incarnation: 4).sends
        #expect(sends.map(\.part) == [OutboxPart(text: "said")])
        #expect(sends.map(\.firstTriedAt) == [5])
        let settled = try journal.settleTurn(
            turnID: "turn",
            agent: "agent:main",
            incarnation: 3,
            result: TurnResult(status: .ok, parts: [OutboxPart(text: "answer", payload: [1])]),
            now: 9
        )
        #expect(settled == .settled)
        #expect(try journal.counts().outboxPending == 2)
    }

    @Test("an upgraded file and a new one have the same tables")
    func same() throws {
        let directory = Directory()
        try versionOne(directory.path + "/old.sqlite")
        func shape(_ name: String) throws -> [String] {
            let journal = try SQLiteJournal(path: directory.path + "/" + name)
            return try journal.database.rows("SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name")
            {
                $0.text(0)
            }
        }
        #expect(try shape("old.sqlite") == shape("new.sqlite"))
    }

    @Test("an upgrade that fails leaves version 1 as it was")
    func undone() throws {
        let directory = Directory()
        let path = directory.path + "/j.sqlite"
        try versionOne(path)
        do {
            let database = try Database(path: path)
            // In the way of a table of version 2.
            try database.execute("CREATE TABLE rooms(x)")
        }
        #expect(throws: JournalError.self) { _ = try SQLiteJournal(path: path) }
        let database = try Database(path: path)
        #expect(try database.first("PRAGMA user_version") { $0.integer(0) } == 1)
        #expect(
            try database.first("SELECT count(*) FROM pragma_table_info('turns') WHERE name = 'gather'") { $0.count(0) }
                == 0
        )
    }

    @Test("a file of a newer version is refused, in words, and stays as it is")
    func newer() throws {
        let directory = Directory()
        let path = directory.path + "/j.sqlite"
        do { _ = try SQLiteJournal(path: path) }
        do { try Database(path: path).execute("PRAGMA user_version = \(Schema.version + 1)") }
        do {
            _ = try SQLiteJournal(path: path)
            Issue.record("it was opened")
        } catch {
            #expect(
                error.description.contains(
                    "newer Clawhold (schema \(Schema.version + 1), this one knows \(Schema.version))"
                )
            )
        }
    }
}
