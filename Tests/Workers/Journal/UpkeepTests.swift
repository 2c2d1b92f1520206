import Testing

@testable import Journal

@Suite("upkeep")
struct UpkeepTests {
    private static let day: Int64 = 86_400_000
    private static let channel = "channel:telegram:default"

    /// An event, its turn and its answer, all settled at time 1.
    private func settled(_ journal: SQLiteJournal, _ key: String) throws {
        guard case .new(let row) = try journal.receive(event(key), limit: 1000, now: 1) else { return }
        _ = try journal.claimInbox(channel: Self.channel, incarnation: 1, limit: 100, now: 1)
        _ = try journal.settleInbox(
            row: row,
            channel: Self.channel,
            incarnation: 1,
            verdict: .turn(turn(key, lane: key)),
            now: 1
        )
        _ = try journal.claimTurns(agent: "agent:main", incarnation: 1, limit: 100)
        let call = ToolRow(callID: "c", name: "n", arguments: [], isReadOnly: true)
        #expect(try journal.openTool(turnID: key, agent: "agent:main", incarnation: 1, call: call))
        _ = try journal.settleTurn(
            turnID: key,
            agent: "agent:main",
            incarnation: 1,
            result: TurnResult(status: .ok, parts: [OutboxPart(text: "x")]),
            now: 1
        )
        for sent in try journal.claimSends(channel: Self.channel, incarnation: 1, limit: 100, now: 1).rows {
            _ = try journal.settleSend(
                row: sent.row,
                channel: Self.channel,
                incarnation: 1,
                outcome: .sent(messageID: "m"),
                possibleDuplicate: false,
                now: 1
            )
        }
    }

    private func count(_ journal: SQLiteJournal, _ table: String) throws -> Int {
        try journal.database.first("SELECT count(*) FROM \(table)") { $0.count(0) } ?? -1
    }

    @Test("contents go after a week, keys after thirty days, and what is under way stays")
    func prune() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        try settled(journal, "old")
        _ = try journal.receive(event("waiting"), limit: 1000, now: 1)
        try journal.recordGap(channel: Self.channel, text: "lost", now: 1)
        _ = try journal.prune(now: 6 * Self.day)
        #expect(try count(journal, "outbox") == 1)
        #expect(try count(journal, "tool_calls") == 1)
        _ = try journal.prune(now: 8 * Self.day)
        #expect(try count(journal, "outbox") == 0)
        #expect(try count(journal, "tool_calls") == 0)
        #expect(try count(journal, "turns WHERE message <> x''") == 0)
        #expect(try journal.receive(event("old"), limit: 1000, now: 1) == .known)
        _ = try journal.prune(now: 31 * Self.day)
        #expect(try count(journal, "turns") == 0)
        #expect(try count(journal, "gaps") == 1)
        #expect(try journal.receive(event("waiting"), limit: 1000, now: 1) == .known)
        #expect(try count(journal, "inbox") == 1)
    }

    @Test(
        "a dead letter keeps what it was to be answered with for as long as it can be asked for, and takes its calls with it"
    )
    func deadLetterWhole() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        try journal.database.execute(
            """
            INSERT INTO turns(row, turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message,
                state, merged_into, created_at, settled_at)
              SELECT column1, 't' || column1, 'r', 's', 'l', 'a', 'c', 'd', '1', x'01', x'02', column2, column3, 1, 1
              FROM (VALUES (1, 'dead', 0), (2, 'merged', 1), (3, 'merged', 2), (4, 'done', 0), (5, 'merged', 4),
                (6, 'merged', 5), (7, 'expired', 0));
            INSERT INTO tool_calls(turn_id, call_id, position, name, arguments, read_only)
              VALUES ('t1', 'c', 0, 'n', x'', 1), ('t4', 'c', 0, 'n', x'', 1), ('t7', 'c', 0, 'n', x'', 1);
            """
        )
        _ = try journal.prune(now: 8 * Self.day)
        #expect(try count(journal, "turns WHERE message <> x''") == 4)
        #expect(try count(journal, "tool_calls") == 2)
        while try journal.prune(now: 89 * Self.day) {}
        #expect(try count(journal, "turns WHERE row IN (1, 2, 3) AND message <> x''") == 3)
        #expect(try count(journal, "turns") == 3)
        #expect(try count(journal, "tool_calls") == 1)
        for _ in 0..<3 { _ = try journal.prune(now: 91 * Self.day) }
        #expect(try count(journal, "turns") == 0)
        #expect(try count(journal, "tool_calls") == 0)
    }

    @Test("one call forgets a few hundred rows, not all of them")
    func pruneBound() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        try journal.database.execute("BEGIN")
        for index in 0...SQLiteJournal.pruneBatch { try settled(journal, "k\(index)") }
        try journal.database.execute("COMMIT")
        #expect(try journal.prune(now: 8 * Self.day))
        #expect(try count(journal, "outbox") == 1)
        #expect(try count(journal, "tool_calls") == 1)
        #expect(try !journal.prune(now: 8 * Self.day))
        #expect(try count(journal, "outbox") == 0)
        #expect(try count(journal, "tool_calls") == 0)
    }

    @Test("the raw event is forgotten as soon as it is parsed")
    func rawGoes() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        try settled(journal, "k")
        #expect(try count(journal, "inbox WHERE raw IS NOT NULL") == 0)
    }

    @Test("dead letters of all three kinds are listed, newest first, as many as were asked for")
    func deadLetters() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        _ = try journal.receive(event("event"), limit: 10, now: 1)
        _ = try journal.claimInbox(channel: Self.channel, incarnation: 1, limit: 10, now: 1)
        try journal.die(Self.channel, 1, now: 5)
        _ = try journal.receiveChat(eventKey: "webchat:k", turn: turn("turn"), limit: 10, now: 1)
        _ = try journal.claimTurns(agent: "agent:main", incarnation: 1, limit: 10)
        try journal.die("agent:main", 1, now: 6)
        _ = try journal.claimSends(channel: Self.channel, incarnation: 2, limit: 10, now: 7)
        try journal.die(Self.channel, 2, now: 7)
        var filter = QueueFilter()
        filter.states = [.dead]
        #expect(try journal.queueItems(filter).map(\.id) == [.outbox(1), .turn("turn"), .inbox(1)])
        filter.limit = 1
        #expect(try journal.queueItems(filter).map(\.channel) == [Self.channel])
        #expect(try journal.counts().deadLetters == 3)
    }

    @Test("adopting under the same start changes nothing")
    func adoptAgain() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        _ = try journal.adopt(epoch: "a", sentence: "", limits: PoisonLimits(), now: 1)
        _ = try journal.receive(event("k"), limit: 10, now: 1)
        _ = try journal.claimInbox(channel: Self.channel, incarnation: 1, limit: 10, now: 1)
        #expect(try journal.adopt(epoch: "a", sentence: "", limits: PoisonLimits(), now: 1) == ReleaseReport())
        #expect(try journal.holdings(worker: Self.channel, incarnation: 1).inbox.count == 1)
        _ = try journal.adopt(epoch: "b", sentence: "", limits: PoisonLimits(), now: 1)
        #expect(try journal.holdings(worker: Self.channel, incarnation: 1).inbox.isEmpty)
        #expect(try journal.workersWithWork() == [Self.channel])
    }
}
