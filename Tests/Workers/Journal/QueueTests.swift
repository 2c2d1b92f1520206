import Testing

@testable import Journal

@Suite("queue for people")
struct QueueTests {
    private static let channel = "channel:telegram:default"

    private func journal(_ directory: Directory) throws -> SQLiteJournal {
        try SQLiteJournal(path: directory.path + "/j.sqlite")
    }

    private func queued(_ journal: SQLiteJournal, _ id: String, lane: String = "lane", saidAt: Int64 = 0) throws {
        var turn = turn(id, lane: lane)
        turn.facts.sender = "Ada"
        turn.facts.preview = "first words"
        turn.facts.saidAt = saidAt
        guard case .new(let row) = try journal.receive(event(id), limit: 1000, now: 100) else { return }
        _ = try journal.claimInbox(channel: Self.channel, incarnation: 1, limit: 100, now: 100)
        _ = try journal.settleInbox(row: row, channel: Self.channel, incarnation: 1, verdict: .turn(turn), now: 100)
    }

    /// The agent dies of its turn until that is a dead letter.
    private func die(_ journal: SQLiteJournal, incarnation: UInt64) throws {
        _ = try journal.claimTurns(agent: "agent:main", incarnation: incarnation, limit: 9)
        try journal.die("agent:main", incarnation, now: 200)
    }

    @Test("a dead turn is listed with everything a person needs, and its retry answers it once, with rows of its own")
    func retryTurn() throws {
        let directory = Directory()
        let journal = try journal(directory)
        try queued(journal, "t")
        try die(journal, incarnation: 1)
        var filter = QueueFilter()
        filter.states = [.dead]
        let item = try #require(try journal.queueItems(filter).first)
        #expect(item.id == .turn("t") && item.sender == "Ada" && item.text == "first words" && item.reason == "sorry")
        #expect(item.channel == Self.channel && item.conversation == "1" && item.attempts == 1 && item.settledAt == 200)
        guard case .done(let after, let worker, _) = try journal.order(.retry, item.id, now: 300) else {
            Issue.record("refused")
            return
        }
        #expect(after.state == .waiting && after.attempts == 0 && worker == "agent:main")
        #expect(try journal.order(.retry, item.id, now: 300) == .refused("turn:t waits already"))
        #expect(try journal.claimTurns(agent: "agent:main", incarnation: 2, limit: 9).turns.map(\.attempts) == [1])
        let settled = try journal.settleTurn(
            turnID: "t",
            agent: "agent:main",
            incarnation: 2,
            result: TurnResult(status: .ok, parts: [OutboxPart(text: "answer")]),
            now: 301
        )
        #expect(settled == .settled)
        // The sentence it was told, and the answer.
        #expect(try journal.counts().outboxPending == 2)
        #expect(try journal.order(.retry, item.id, now: 302) == .refused("turn:t has ended"))
    }

    @Test("a message that is too old when its turn comes is not answered, is listed, and retry answers it all the same")
    func expired() throws {
        let directory = Directory()
        let journal = try journal(directory)
        let hour: Int64 = 3_600_000
        try queued(journal, "old", lane: "a", saidAt: 1)
        try queued(journal, "fresh", lane: "b")
        let now = 1 + 24 * hour + 50
        let claims = try journal.claimTurns(agent: "agent:main", incarnation: 1, limit: 9, maxAge: 24 * hour, now: now)
        #expect(claims.turns.map(\.turn.turnID) == ["fresh"])
        #expect(claims.expired.map(\.turn.turnID) == ["old"])
        var filter = QueueFilter()
        filter.states = [.expired]
        #expect(try journal.queueItems(filter).map(\.id) == [.turn("old")])
        #expect(try journal.ignored(of: [Self.channel], limit: 9).map(\.note.code) == ["too-old"])
        _ = try journal.order(.retry, .turn("old"), now: now)
        let again = try journal.claimTurns(
            agent: "agent:main",
            incarnation: 1,
            limit: 9,
            maxAge: 24 * hour,
            now: now + 5
        )
        #expect(again.turns.map(\.turn.turnID) == ["old"])
        #expect(again.expired.isEmpty)
    }

    @Test("what is too old is never answered, however much of it there is, and ends a few hundred at a time")
    func manyExpired() throws {
        let directory = Directory()
        let journal = try journal(directory)
        for number in 0..<201 { try queued(journal, "t\(number)", lane: "l\(number % 20)", saidAt: 1) }
        func claim() throws -> TurnClaims {
            try journal.claimTurns(agent: "agent:main", incarnation: 1, limit: 9, maxAge: 1000, now: 2000)
        }
        let first = try claim()
        #expect(first.expired.count == 200 && first.turns.isEmpty && first.moreWait)
        let second = try claim()
        #expect(second.expired.count == 1 && second.turns.isEmpty && !second.moreWait)
    }

    @Test("a turn that is asked for again can be told again that it waits, and keeps nobody else from it")
    func toldAgain() throws {
        let directory = Directory()
        let journal = try journal(directory)
        try queued(journal, "t")
        #expect(try journal.tellWaiting(agent: "agent:main", sentence: "wait", now: 100).count == 1)
        try die(journal, incarnation: 1)
        _ = try journal.order(.retry, .turn("t"), now: 300)
        try queued(journal, "other", lane: "other")
        #expect(try journal.tellWaiting(agent: "agent:main", sentence: "wait", now: 301).count == 2)
    }

    @Test("drop ends what waits, who did it stands there, and what runs is refused")
    func drop() throws {
        let directory = Directory()
        let journal = try journal(directory)
        try queued(journal, "a", lane: "x")
        try queued(journal, "b", lane: "y")
        #expect(try journal.claimTurns(agent: "agent:main", incarnation: 1, limit: 1).turns.count == 1)
        guard case .refused(let why) = try journal.order(.drop(by: "cli"), .turn("a"), now: 5) else {
            Issue.record("dropped a running turn")
            return
        }
        #expect(why.contains("is being worked on"))
        guard case .done(let item, _, let stopped) = try journal.order(.drop(by: "cli"), .turn("b"), now: 5) else {
            Issue.record("refused")
            return
        }
        #expect(item.state == .dropped && item.reason == "dropped by cli" && item.settledAt == 5)
        #expect(stopped.map(\.turnID) == ["b"])
        #expect(try journal.order(.drop(by: "cli"), .turn("nobody"), now: 5) == .refused("there is no turn:nobody"))
        #expect(try journal.claimTurns(agent: "agent:main", incarnation: 1, limit: 9).turns.isEmpty)
    }

    @Test("a chunk that was given up goes out once more with its counters reset, whatever its age")
    func retryChunk() throws {
        let directory = Directory()
        let journal = try journal(directory)
        let notice = NewNotice(conversation: "1", target: [1], text: "hello\nyou")
        #expect(try journal.notify(origin: "n", channel: Self.channel, notice: notice, now: 1))
        #expect(try !journal.notify(origin: "n", channel: Self.channel, notice: notice, now: 1))
        let row = try #require(
            try journal.claimSends(channel: Self.channel, incarnation: 1, limit: 9, now: 1).rows.first
        )
        _ = try journal.settleSend(
            row: row.row,
            channel: Self.channel,
            incarnation: 1,
            outcome: .dead(error: "given up"),
            possibleDuplicate: false,
            now: 2
        )
        var filter = QueueFilter()
        filter.channel = "channel:telegram:"
        #expect(try journal.queueItems(filter).map(\.text) == ["hello you"])
        filter.channel = "channel:discord:"
        #expect(try journal.queueItems(filter).isEmpty)
        _ = try journal.order(.retry, .outbox(row.row), now: 90_000_000)
        let again = try #require(
            try journal.claimSends(channel: Self.channel, incarnation: 1, limit: 9, now: 90_000_000).rows.first
        )
        #expect(again.attempts == 1 && again.ageFrom == 90_000_000 && again.firstTriedAt == 1)
        #expect(again.nonce == row.nonce)
    }

    @Test("an event that killed its parser is parsed once more when asked for, and refused when its contents are gone")
    func retryEvent() throws {
        let directory = Directory()
        let journal = try journal(directory)
        _ = try journal.receive(event("k"), limit: 9, now: 1)
        _ = try journal.claimInbox(channel: Self.channel, incarnation: 1, limit: 9, now: 1)
        try journal.die(Self.channel, 1, now: 2)
        #expect(try journal.queueCounts()[.dead] == 1)
        _ = try journal.order(.retry, .inbox(1), now: 3)
        #expect(try journal.claimInbox(channel: Self.channel, incarnation: 2, limit: 9, now: 3).map(\.attempts) == [1])
    }

    @Test("ids are read back from how they are shown, and nothing else is one")
    func ids() {
        for id in [QueueID.inbox(7), .turn("a:b"), .outbox(9)] { #expect(QueueID(id.description) == id) }
        for text in ["", "inbox", "inbox:", "inbox:-1", "inbox:x", "outbox:99999999999999999999", "turn:", "x:1"] {
            #expect(QueueID(text) == nil)
        }
    }

    @Test("a hundred thousand old messages are forgotten in small steps, and the file shrinks")
    func shrinks() throws {
        let directory = Directory()
        let journal = try journal(directory)
        let day: Int64 = 86_400_000
        try journal.database.execute(
            """
            BEGIN;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            INSERT INTO inbox(event_key, channel, state, received_at, settled_at)
              SELECT 'key ' || i, '\(Self.channel)', 'normalized', 1, 1 FROM n;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            INSERT INTO turns(row, turn_id, run_id, session_key, lane, agent, channel, account, conversation, target, message,
                state, status, created_at, settled_at)
              SELECT i, 'turn ' || i, 'turn ' || i, 's', 'l', 'agent:main', '\(Self.channel)', 'd', '1', x'01', zeroblob(100),
                'done', 'ok', 1, 1 FROM n;
            COMMIT
            """
        )
        func pages() throws -> Int { try journal.database.first("PRAGMA page_count") { $0.count(0) } ?? 0 }
        let before = try pages()
        var longest = Duration.zero
        var steps = 0
        var isMore = true
        while isMore, steps < 5000 {
            let start = ContinuousClock.now
            try journal.database.execute("BEGIN IMMEDIATE")
            isMore = try journal.prune(now: 31 * day)
            try journal.database.execute("COMMIT")
            longest = max(longest, .now - start)
            steps += 1
        }
        #expect(try journal.database.first("SELECT count(*) FROM inbox") { $0.count(0) } == 0)
        #expect(try pages() < before / 10)
        print("prune: \(before) pages to \(try pages()) in \(steps) steps, the longest \(longest)")
    }
}
