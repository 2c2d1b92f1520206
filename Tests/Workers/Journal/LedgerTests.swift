import Testing

@testable import Journal

@Suite("ledger")
struct LedgerTests {
    private static let day: Int64 = 86_400_000

    private func entry(
        _ id: String,
        day: String = "2026-11-23",
        at: Int64 = 1,
        end: String = "finished",
        cost: Int64? = 5
    ) -> LedgerEntry {
        var entry = LedgerEntry(id: id, at: at, day: day, provider: "openai", model: "gpt-5.5")
        entry.agent = "main"
        entry.profile = "openai:default"
        entry.tokens.input = 10
        entry.tokens.output = 20
        entry.tokens.cacheRead = 3
        entry.tokens.cacheWrite = 4
        entry.tokens.reasoning = 7
        entry.source = "reported"
        entry.end = end
        entry.status = 200
        entry.firstContentMilliseconds = 11
        entry.durationMilliseconds = 12
        entry.cause = "none"
        entry.cost = cost
        return entry
    }

    @Test("an attempt that is told again is written once, and what was written comes back as it was")
    func once() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        let (first, second) = (entry("a", at: 1), entry("b", at: 2, cost: nil))
        #expect(try journal.record([first, second]) == ["a", "b"])
        #expect(try journal.record([second, entry("c", at: 3)]) == ["c"])
        #expect(try journal.ledgerEntries(limit: 10) == [entry("c", at: 3), second, first])
        #expect(try journal.ledgerEntries(limit: 1).map(\.id) == ["c"])
    }

    @Test("sums are by day, agent, model and end, and an unknown price is counted and not guessed")
    func sums() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        _ = try journal.record([
            entry("a"), entry("b", cost: nil), entry("c", end: "failed", cost: 0), entry("d", day: "2026-11-22"),
            entry("e", day: "2026-11-20"),
        ])
        let sums = try journal.ledgerSums(from: "2026-11-22", through: "2026-11-23")
        #expect(sums.map(\.day) == ["2026-11-22", "2026-11-23", "2026-11-23"])
        let today = try #require(sums.first { $0.day == "2026-11-23" && $0.end == "finished" })
        #expect(today.attempts == 2)
        #expect(today.tokens.input == 20)
        #expect(today.tokens.total == 74)
        #expect(today.cost == 5)
        #expect(today.unpriced == 1)
    }

    @Test("the ledger is kept for four hundred days, and goes a few rows at a time")
    func retention() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        _ = try journal.record((0...SQLiteJournal.pruneBatch).map { entry("old\($0)", at: 1) })
        _ = try journal.record([entry("new", at: 2 * Self.day)])
        #expect(try !journal.prune(now: 399 * Self.day))
        #expect(try journal.prune(now: 401 * Self.day))
        #expect(try journal.ledgerEntries(limit: 1000).count == 2)
        #expect(try !journal.prune(now: 401 * Self.day))
        #expect(try journal.ledgerEntries(limit: 1000).map(\.id) == ["new"])
    }

    @Test("what a model worker wants kept replaces what was kept, and comes back at its HELLO alone")
    func state() throws {
        let directory = Directory()
        let journal = try SQLiteJournal(path: directory.path + "/j.sqlite")
        #expect(try journal.holdings(worker: "model:openai", incarnation: 1).modelState == ModelStateRow())
        var state = ModelStateRow()
        state.cooldowns = Array("{}".utf8)
        state.credentials = ["openai:codex": [1], "openai:old": [2]]
        try journal.keep(state, of: "openai", now: 5)
        state.credentials = ["openai:codex": [3]]
        try journal.keep(state, of: "openai", now: 6)
        #expect(try journal.holdings(worker: "model:openai", incarnation: 9).modelState == state)
        #expect(try journal.holdings(worker: "model:google", incarnation: 9).modelState == ModelStateRow())
        #expect(try journal.holdings(worker: "agent:openai", incarnation: 9).modelState == ModelStateRow())
        let kept = try journal.keptModelStates()
        #expect(kept == [KeptModelState(provider: "openai", cooldowns: Array("{}".utf8), savedAt: 6)])
    }
}
