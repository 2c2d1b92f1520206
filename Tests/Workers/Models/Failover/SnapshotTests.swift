import IPCHub
import Runtime
import TestSupport
import Testing

@testable import Failover

@Suite("What outlives the worker")
struct SnapshotTests {
    private let t0 = Sample.start

    private func filled() -> FailoverState {
        var state = Sample.state("a", "b")
        let rules = state.rules
        _ = state.book.failed(Sample.failure(.billing), profile: "a", model: "m", at: t0, rules)
        _ = state.book.failed(Sample.failure(.rateLimit, after: .minutes(9)), profile: "b", model: "m", at: t0, rules)
        _ = state.book.failed(Sample.failure(.timeout), profile: "b", model: "n", at: t0, rules)
        state.use("b", for: "agent:main:main", at: t0)
        return state
    }

    @Test("cooldowns, conversations and the order of keys come back")
    func roundTrip() {
        let state = filled()
        var again = Sample.state("a", "b")
        again.restore(state.snapshot(), at: t0 + .seconds(1))
        #expect(again.book.windows == state.book.windows)
        #expect(again.order(for: "agent:main:main", at: t0 + .seconds(1)) == ["b", "a"])
        #expect(again.profiles == state.profiles)
    }

    @Test("no conversation is named in it")
    func noNames() {
        #expect(!String(decoding: filled().snapshot(), as: UTF8.self).contains("agent:main"))
    }

    @Test("a key with another value begins afresh, a key that is gone is forgotten, what is everybody's stays")
    func changedCredential() {
        var changed = FailoverState(
            profiles: [.init(id: "a", rank: 2, fingerprint: "another")],
            isOrderFixed: false
        )
        changed.restore(filled().snapshot(), at: t0)
        #expect(changed.book.windows.keys.map(\.profile) == [nil])
    }

    @Test("an end that is further off than a month is brought nearer, windows that are long over are not taken up")
    func clamped() throws {
        var state = Sample.state("a")
        let text = """
            {"version":1,"profiles":[{"id":"a","fingerprint":"f-a"}],"cooldowns":[
            {"profile":"a","kind":"billing","since":1,"until":9223372036854775807,"nextProbe":9223372036854775807,"strikes":-5},
            {"profile":"a","model":"m","kind":"rate_limit","since":1,"until":2},
            {"profile":"a","model":"n","kind":"nonsense","since":1,"until":9999999999999}]}
            """
        state.restore(Array(text.utf8), at: t0)
        #expect(state.book.windows.count == 1)
        let window = try #require(state.book.windows[CooldownKey(profile: "a", model: nil)])
        #expect(window.until - t0 == state.rules.furthest && window.strikes == 1)
        #expect(try #require(window.nextProbe) - t0 == state.rules.billingProbe)
    }

    @Test("no bytes do harm: cut at every place, and changed at random")
    func hostile() {
        let whole = filled().snapshot()
        for length in 0..<whole.count {
            var state = Sample.state("a", "b")
            state.restore(whole.prefix(length), at: t0)
            #expect(state.book.windows.isEmpty)
        }
        var random = SplitMix(seed: 7)
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<(1 + random.below(6)) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            var state = Sample.state("a", "b")
            state.restore(bytes, at: t0)
            #expect(state.book.windows.count <= 3)
            for window in state.book.windows.values { #expect(window.until - t0 <= state.rules.furthest) }
        }
        var state = Sample.state("a")
        state.restore([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20), at: t0)
        #expect(state.book.windows.isEmpty)
    }

    @Test("the largest state fits its bound")
    func bounded() {
        var state = Sample.state("a", "b")
        let rules = state.rules
        for number in 0..<600 {
            var failure = Sample.failure(.rateLimit, after: .seconds(1000 + number))
            failure.cause = String(repeating: "\u{1}", count: 1000)
            let model = "\(number)" + String(repeating: "m", count: 300)
            _ = state.book.failed(failure, profile: "a", model: model, at: t0, rules)
        }
        for number in 0..<2000 { state.use("a", for: "s\(number)", at: t0 + .seconds(number)) }
        let bytes = state.snapshot()
        #expect(bytes.count <= FailoverState.snapshotLimit)
        var again = Sample.state("a", "b")
        again.restore(bytes, at: t0)
        #expect(again.book.windows.count > 100)
    }
}
