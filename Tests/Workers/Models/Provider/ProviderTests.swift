import Failover
import FoundationEssentials
import IPCHub
import OAuth
import Runtime
import Synchronization
import Testing

@testable import Provider

@Suite("A provider with its keys", .timeLimit(.minutes(1)))
struct ProviderTests {
    private func failure(_ kind: HubModelEvent.Failed.Kind, after: Duration? = nil) -> CallFailure {
        CallFailure(kind, "\(kind)", status: 429, retryAfter: after)
    }

    @Test("a key that fails before content is replaced without anybody seeing it, and both attempts are written down")
    func rotation() async throws {
        let wire = FakeWire(["key-a": [.fails(failure(.rateLimit))], "key-b": [.answers("Hello")]])
        let bench = ProviderBench(wire)
        let events = try await bench.ask()
        #expect(wire.asked == ["key-a", "key-b"])
        #expect(events.map(\.text) == ["Hello", ""])
        let finished = try #require(events.last?.finished)
        #expect(finished.profile == "openai:b" && finished.attempts == 2)
        try await bench.until { bench.rows.count == 2 }
        let rows = bench.rows.sorted { $0.id < $1.id }
        #expect(rows.map(\.end) == ["failed", "finished"] && rows.map(\.kind) == [.rateLimit, .unknown])
        #expect(rows[1].usage.input == 7 && rows[1].source == .reported && rows[1].servedModel == "served")
        #expect(Set(rows.map(\.id)).count == 2 && rows[0].caller.sessionKey == "agent:main:main")
        // What cools is kept at once.
        try await bench.until { !bench.states.isEmpty }
        let kept = try JSON(parsing: try #require(bench.states.last).cooldowns)
        #expect(kept["cooldowns"]?.array?.first?["profile"] == "openai:a")
    }

    @Test("after content nothing is asked again: the failure says so")
    func committed() async throws {
        let wire = FakeWire(["key-a": [.breaks("Once", failure(.cut))], "key-b": [.answers("x")]])
        let bench = ProviderBench(wire)
        let events = try await bench.ask()
        let failed = try #require(events.last?.failed)
        #expect(wire.asked == ["key-a"] && events.first?.text == "Once")
        #expect(!failed.beforeContent && !failed.tryNext && failed.kind == .cut && failed.attempts == 1)
        try await bench.until { bench.rows.first?.end == "cut" }
    }

    @Test("a fault of a moment is asked again after a short pause, then with another key")
    func transient() async throws {
        let wire = FakeWire(["key-a": [.fails(failure(.transient))], "key-b": [.answers("x")]])
        let bench = ProviderBench(wire)
        #expect(try await bench.ask().first?.text == "x")
        #expect(wire.asked == ["key-a", "key-a", "key-b"] && bench.waited.made.withLock { $0 } == [.milliseconds(250)])
    }

    @Test("while all keys cool nobody is asked, and the failure tells the earliest end")
    func cooling() async throws {
        let wire = FakeWire([
            "key-a": [.fails(failure(.rateLimit, after: .seconds(90)))],
            "key-b": [.fails(failure(.rateLimit, after: .seconds(60)))],
        ])
        let bench = ProviderBench(wire)
        _ = try await bench.ask()
        bench.pass(.seconds(10))
        let failed = try #require(try await bench.ask().last?.failed)
        #expect(wire.asked.count == 2 && failed.attempts == 0 && failed.retryAfterMs == 50_000 && failed.tryNext)
    }

    @Test("what was kept holds in the next incarnation")
    func restart() async throws {
        let first = ProviderBench(FakeWire(["key-a": [.fails(failure(.billing))], "key-b": [.answers("x")]]))
        _ = try await first.ask()
        try await first.until {
            first.states.last.map { String(decoding: $0.cooldowns, as: UTF8.self).contains("billing") } ?? false
        }
        let wire = FakeWire(["key-a": [.answers("a")], "key-b": [.answers("b")]])
        let second = ProviderBench(wire, kept: try #require(first.states.last))
        #expect(try await second.ask { $0.caller.sessionKey = "another" }.first?.text == "b")
        // The lock is of another key's value.
        let changed = ProviderBench(
            FakeWire(["new": [.answers("new")]]),
            keys: ["openai:a": "new", "openai:b": "key-b"],
            kept: try #require(first.states.last)
        )
        #expect(try await changed.ask { $0.caller.sessionKey = "another" }.first?.text == "new")
    }

    @Test("who asked and went away costs a row and no cooldown, and no probe stays taken")
    func clientGone() async throws {
        let wire = FakeWire(["key-a": [.answers("x")], "key-b": [.answers("x")]])
        let bench = ProviderBench(wire)
        struct Gone: Error {}
        await #expect(throws: CancellationError.self) { try await bench.ask(write: { _ in throw Gone() }) }
        try await bench.until { bench.rows.map(\.end) == ["client-gone"] }
        let probes = bench.model.state.withLock { $0.book.windows.values.filter { $0.probe != nil }.count }
        #expect(probes == 0 && wire.asked == ["key-a"])
    }

    @Test("a pinned key and the attempts that are left are kept to")
    func limits() async throws {
        let wire = FakeWire(["key-a": [.fails(failure(.transient))], "key-b": [.fails(failure(.transient))]])
        let bench = ProviderBench(wire)
        _ = try await bench.ask { $0.profile = "openai:b" }
        #expect(wire.asked == ["key-b", "key-b"])
        let three = ProviderBench(
            FakeWire(["key-a": [.fails(failure(.transient))], "key-b": [.fails(failure(.transient))]])
        )
        let failed = try await three.ask { $0.attemptsLeft = 3 }.last?.failed
        #expect(failed?.attempts == 3)
    }

    // MARK: Subscriptions

    private static let now: Int64 = 1_795_000_000_000
    private static let old = OAuthCredential(access: "old", refresh: "r1", expires: now + 200_000)
    private static let answer = (200, #"{"access_token":"new","refresh_token":"r2","expires_in":3600}"#)

    @Test("a token is renewed before it ends, once for all who ask, and used when the gateway has it")
    func refresh() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        let tokens = FakeTokens([Self.answer], gate: gate)
        let wire = FakeWire(["new": [.answers("x")]])
        let bench = ProviderBench(wire, keys: [:], login: Self.old, tokens: tokens)
        async let first = bench.ask()
        async let second = bench.ask()
        try await bench.until { tokens.count == 1 }
        open.yield()
        _ = try await (first, second)
        #expect(tokens.count == 1 && wire.asked == ["new", "new"])
        let kept = try #require(bench.states.first { !$0.credentials.isEmpty }?.credentials.first)
        #expect(OAuthCredential(stored: kept.value)?.refresh == "r2")
        // The next incarnation goes on with it, a new login does not.
        let state = try #require(bench.states.last { !$0.credentials.isEmpty })
        let again = ProviderBench(FakeWire(["new": [.answers("y")]]), keys: [:], login: Self.old, kept: state)
        #expect(try await again.ask().first?.text == "y")
        var login = Self.old
        (login.access, login.refresh, login.expires) = ("other", "r9", Self.now + 9_000_000)
        let anew = ProviderBench(FakeWire(["other": [.answers("z")]]), keys: [:], login: login, kept: state)
        #expect(try await anew.ask().first?.text == "z")
    }

    @Test("a login that has ended is said in words that help, and the other keys go on")
    func ended() async throws {
        let tokens = FakeTokens([(400, #"{"error":"invalid_grant"}"#)])
        let expired = OAuthCredential(access: "old", refresh: "r1", expires: Self.now - 1)
        let bench = ProviderBench(FakeWire([:]), keys: [:], login: expired, tokens: tokens)
        let failed = try #require(try await bench.ask().last?.failed)
        #expect(failed.kind == .auth && failed.cause.contains("log in to openai again"))
    }

    @Test("a login service that is away does not matter while the token is good")
    func away() async throws {
        let bench = ProviderBench(FakeWire(["old": [.answers("x")]]), keys: [:], login: Self.old)
        #expect(try await bench.ask().first?.text == "x")
    }

    @Test("a token that the provider refuses is renewed once, and the call goes on")
    func refused() async throws {
        let tokens = FakeTokens([Self.answer])
        var fresh = Self.old
        fresh.expires = Self.now + 9_000_000
        let wire = FakeWire(["old": [.fails(CallFailure(.auth, "401", status: 401))], "new": [.answers("x")]])
        let bench = ProviderBench(wire, keys: [:], login: fresh, tokens: tokens)
        #expect(try await bench.ask().first?.text == "x")
        #expect(wire.asked == ["old", "new"] && tokens.count == 1)
    }

    @Test("a full disk at the gateway does not lock its owner out")
    func notKept() async throws {
        let tokens = FakeTokens([Self.answer])
        let bench = ProviderBench(
            FakeWire(["new": [.answers("x")]]),
            keys: [:],
            login: Self.old,
            tokens: tokens,
            ackError: "disk full"
        )
        #expect(try await bench.ask().first?.text == "x")
    }

    // MARK: Questions

    @Test("status shows each key's state with its reason, clear ends it, nothing secret is in it")
    func questions() async throws {
        let wire = FakeWire(["key-a": [.fails(failure(.billing))], "key-b": [.answers("x")]])
        let bench = ProviderBench(wire)
        _ = try await bench.ask()
        let status = try #require(await bench.model.answer(question: "status", []))
        let profiles = try #require(status["profiles"]?.array)
        #expect(profiles.map { $0["state"] } == ["locked", "ok"] && profiles[0]["kind"] == "billing")
        #expect(!String(decoding: status.encoded(), as: UTF8.self).contains("key-"))
        let cleared = await bench.model.answer(question: "clear", Array(#"{"profile":"openai:a"}"#.utf8))
        #expect(cleared?["cleared"] == 1)
        let after = await bench.model.answer(question: "status", [])
        #expect(after?["profiles"]?.array?.first?["state"] == "ok")
        #expect(await bench.model.answer(question: "nonsense", []) == nil)
    }

    @Test("a probe asks each key once, whatever cools, and an answer ends the lock")
    func probe() async throws {
        let wire = FakeWire([
            "key-a": [.fails(failure(.billing)), .answers("OK")], "key-b": [.fails(failure(.rateLimit))],
        ])
        let bench = ProviderBench(wire)
        _ = try await bench.ask()
        let answer = try #require(await bench.model.answer(question: "probe", Array(#"{"model":"openai/m"}"#.utf8)))
        let results = try #require(answer["results"]?.array)
        #expect(results.map { $0["ok"] } == [true, false] && results[1]["kind"] == "rate_limit")
        #expect(wire.asked.count == 4)
        let status = await bench.model.answer(question: "status", [])
        #expect(status?["profiles"]?.array?.first?["state"] == "ok")
        try await bench.until { bench.rows.count { $0.caller.purpose == "probe" } == 2 }
    }
}
