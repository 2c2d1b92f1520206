import Testing

@testable import Journal

@Suite("telephone calls")
struct CallTests {
    private func call(_ id: String, _ state: String = "ringing", record: String = "{}", ended: Bool = false) -> KeptCall
    {
        KeptCall(callID: id, state: state, record: Array(record.utf8), hasEnded: ended, startedAt: 5)
    }

    @Test("the last record of a call counts until it has ended, nothing after that")
    func keep() throws {
        let directory = Directory()
        let path = directory.path + "/j.sqlite"
        let journal = try SQLiteJournal(path: path)
        #expect(try journal.keep(call("a"), limit: 9, now: 10) == .kept)
        #expect(try journal.keep(call("b"), limit: 9, now: 11) == .kept)
        #expect(try journal.keep(call("a", "answered", record: #"{"x":1}"#), limit: 9, now: 12) == .kept)
        let live = try journal.holdings(worker: "channel:voice-call:default", incarnation: 7).calls
        #expect(live.map(\.callID) == ["b", "a"])
        #expect(live.last?.record == Array(#"{"x":1}"#.utf8) && live.last?.updatedAt == 12 && live.last?.startedAt == 5)
        #expect(try journal.holdings(worker: "channel:telegram:default", incarnation: 7).calls.isEmpty)
        #expect(try journal.keep(call("a", "completed", ended: true), limit: 9, now: 13) == .kept)
        #expect(try journal.keep(call("a", "answered"), limit: 9, now: 14) == .ended)
        #expect(try journal.call("a")?.state == "completed")
        #expect(try journal.liveCalls().map(\.callID) == ["b"])
    }

    @Test("so many live at once and no more; one that ends makes room, and an end is always kept")
    func bound() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        #expect(try journal.keep(call("a"), limit: 2, now: 1) == .kept)
        #expect(try journal.keep(call("b"), limit: 2, now: 1) == .kept)
        #expect(try journal.keep(call("c"), limit: 2, now: 1) == .crowded)
        #expect(try journal.keep(call("a", "answered"), limit: 2, now: 1) == .kept, "it is one of the two")
        #expect(try journal.keep(call("d", "failed", ended: true), limit: 2, now: 1) == .kept)
        #expect(try journal.keep(call("a", "completed", ended: true), limit: 2, now: 1) == .kept)
        #expect(try journal.keep(call("c"), limit: 2, now: 1) == .kept)
    }

    @Test("found by the provider's name too, and told by what changed last")
    func find() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        for (index, id) in ["a", "b", "c"].enumerated() {
            let record = #"{"providerCallId":"CA\#(index)"}"#
            _ = try journal.keep(call(id, record: record), limit: 9, now: 1)
        }
        _ = try journal.keep(call("odd", record: "no json"), limit: 9, now: 1)
        _ = try journal.keep(call("a", "answered"), limit: 9, now: 1)
        #expect(try journal.call("CA1")?.callID == "b")
        #expect(try journal.call("CA9") == nil)
        #expect(try journal.calls(after: nil, limit: 9).map(\.callID) == ["a", "odd", "c", "b"])
        #expect(try journal.calls(after: nil, limit: 1).map(\.rev) == [5])
        #expect(try journal.calls(after: 2, limit: 2).map(\.callID) == ["odd", "c"], "the oldest changes first")
        #expect(try journal.calls(after: 4, limit: 9).map(\.callID) == ["a"])
        #expect(try journal.calls(after: 5, limit: 9).isEmpty)
    }

    @Test("forgotten ninety days after they ended, and never before")
    func prune() throws {
        let day: Int64 = 86_400_000
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        _ = try journal.keep(call("old", "completed", ended: true), limit: 9, now: 1)
        _ = try journal.keep(call("live"), limit: 9, now: 1)
        _ = try journal.prune(now: 89 * day)
        #expect(try journal.call("old") != nil)
        _ = try journal.prune(now: 91 * day)
        #expect(try journal.calls(after: nil, limit: 9).map(\.callID) == ["live"])
    }

    @Test("what waits in a channel of its own limit is ended by that, the rest goes on")
    func age() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        var said = turn("said", lane: "a")
        said.channel = "channel:voice-call:default"
        for (key, turn) in [("1", said), ("2", turn("typed", lane: "b"))] {
            _ = try journal.receiveChat(eventKey: key, turn: turn, limit: 100, rules: QueueRules(), now: 1000)
        }
        let claims = try journal.claimTurns(
            agent: "agent:main",
            incarnation: 1,
            limit: 9,
            maxAge: 86_400_000,
            maxAgeByChannel: ["channel:voice-call:default": 120_000],
            now: 1000 + 120_001
        )
        #expect(claims.expired.map(\.turn.turnID) == ["said"])
        #expect(claims.turns.map(\.turn.turnID) == ["typed"])
    }
}
