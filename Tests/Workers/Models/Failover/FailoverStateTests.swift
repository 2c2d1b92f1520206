import IPCHub
import Testing

@testable import Failover

/// What the tests of the rules share.
enum Sample {
    static let start = WallTime(milliseconds: 1_795_000_000_000)

    static func state(_ profiles: String..., isOrderFixed: Bool = false) -> FailoverState {
        FailoverState(
            profiles: profiles.map { FailoverState.Profile(id: $0, rank: 2, fingerprint: "f-\($0)") },
            isOrderFixed: isOrderFixed
        )
    }

    static func failure(
        _ kind: HubModelEvent.Failed.Kind,
        after: Duration? = nil,
        status: Int = 0,
        scope: CallFailure.Scope = .model
    ) -> CallFailure {
        var failure = CallFailure(kind, "\(kind)", status: status, retryAfter: after)
        failure.scope = scope
        return failure
    }
}

/// Minutes are a unit that people reckon cooldowns in.
extension Duration {
    static func minutes(_ count: Int) -> Duration { .seconds(60 * count) }
}

@Suite("Cooldowns")
struct CooldownTests {
    private let rules = FailoverRules()
    private let t0 = Sample.start

    private func end(_ book: CooldownBook, _ profile: String?, _ model: String?) -> Duration? {
        book.windows[CooldownKey(profile: profile, model: model)].map { $0.until - t0 }
    }

    @Test(
        "each class cools what it is true of, for as long as it says",
        arguments: [
            (Sample.failure(.rateLimit), "a", "m", Duration.minutes(1)),
            (Sample.failure(.rateLimit, after: .seconds(7)), "a", "m", .seconds(7)),
            (Sample.failure(.rateLimit, after: .zero), "a", "m", .seconds(1)),
            (Sample.failure(.rateLimit, scope: .key), "a", nil, .minutes(1)),
            (Sample.failure(.overloaded), nil, "m", .seconds(15)),
            (Sample.failure(.timeout), nil, "m", .seconds(30)),
            (Sample.failure(.unreachable), nil, nil, .seconds(15)),
            (Sample.failure(.modelNotFound), nil, "m", .minutes(10)),
            (Sample.failure(.billing), "a", nil, .seconds(5 * 3600)),
            (Sample.failure(.billing, after: .seconds(90_000)), "a", nil, .seconds(90_000)),
            (Sample.failure(.auth, status: 401), "a", nil, .seconds(31 * 86_400)),
            (Sample.failure(.auth, status: 403), "a", "m", .seconds(31 * 86_400)),
        ] as [(CallFailure, String?, String?, Duration)]
    )
    func lengths(_ failure: CallFailure, _ profile: String?, _ model: String?, _ length: Duration) {
        var book = CooldownBook()
        let holds21 = book.failed(failure, profile: "a", model: "m", at: t0, rules)
        #expect(holds21)
        #expect(end(book, profile, model) == length)
        #expect(book.windows.count == 1)
    }

    @Test(
        "what another key or a moment would not change cools nothing",
        arguments: [HubModelEvent.Failed.Kind.badRequest, .context, .refused, .unknown, .shed, .exhausted]
    )
    func noCooldown(_ kind: HubModelEvent.Failed.Kind) {
        var book = CooldownBook()
        let holds22 = !book.failed(Sample.failure(kind), profile: "a", model: "m", at: t0, rules)
        #expect(holds22)
        #expect(book.windows.isEmpty)
    }

    @Test("a rate limit that comes again after each window lasts 1, 5, 25, 60, 60 minutes")
    func curve() {
        var book = CooldownBook()
        var now = t0
        for minutes in [1, 5, 25, 60, 60] {
            _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: now, rules)
            let window = book.windows[CooldownKey(profile: "a", model: "m")]
            #expect(window.map { $0.until - now } == .minutes(minutes))
            now = (window?.until ?? now) + .seconds(5)
        }
    }

    @Test("a window that is over for as long as it lasted is forgotten with its count")
    func forgotten() {
        var book = CooldownBook()
        _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: t0, rules)
        _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: t0 + .minutes(3), rules)
        #expect(end(book, "a", "m") == .minutes(4))
    }

    @Test("billing locks double up to a day, and each is tried every quarter of an hour")
    func billing() throws {
        var book = CooldownBook()
        var now = t0
        for hours in [5, 10, 20, 24, 24] {
            _ = book.failed(Sample.failure(.billing), profile: "a", model: "m", at: now, rules)
            let window = try #require(book.windows[CooldownKey(profile: "a", model: nil)])
            #expect(window.until - now == .seconds(hours * 3600))
            #expect(
                book.standing("a", "x", at: now + .minutes(14)) != .halfOpen([CooldownKey(profile: "a", model: nil)])
            )
            #expect(
                book.standing("a", "x", at: now + .minutes(15)) == .halfOpen([CooldownKey(profile: "a", model: nil)])
            )
            now = window.until
        }
    }

    @Test("failures during a window do not lengthen it, a later end that the provider names does")
    func active() {
        var book = CooldownBook()
        _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: t0, rules)
        for second in 1..<60 {
            _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: t0 + .seconds(second), rules)
        }
        #expect(end(book, "a", "m") == .minutes(1))
        _ = book.failed(Sample.failure(.rateLimit, after: .seconds(5)), profile: "a", model: "m", at: t0, rules)
        #expect(end(book, "a", "m") == .minutes(1))
        let holds23 = book.failed(
            Sample.failure(.rateLimit, after: .minutes(9)),
            profile: "a",
            model: "m",
            at: t0,
            rules
        )
        #expect(holds23)
        #expect(end(book, "a", "m") == .minutes(9))
        #expect(book.windows[CooldownKey(profile: "a", model: "m")]?.strikes == 1)
    }

    @Test("one model's limit leaves its siblings alone, one key's the other keys")
    func scopes() {
        var book = CooldownBook()
        _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: t0, rules)
        #expect(book.standing("a", "m", at: t0) != .open)
        #expect(book.standing("a", "n", at: t0) == .open && book.standing("b", "m", at: t0) == .open)
    }

    @Test("faults of a moment cool from the third on")
    func transient() {
        var book = CooldownBook()
        let holds24 = !book.failed(Sample.failure(.transient), profile: "a", model: "m", at: t0, rules)
        #expect(holds24)
        let holds25 = !book.failed(Sample.failure(.cut), profile: "b", model: "m", at: t0, rules)
        #expect(holds25)
        #expect(book.standing("a", "m", at: t0) == .open)
        let holds26 = book.failed(Sample.failure(.transient), profile: "a", model: "m", at: t0, rules)
        #expect(holds26)
        #expect(end(book, nil, "m") == .seconds(15))
    }

    @Test("an answer ends what was known before it began, and nothing that came after")
    func success() {
        var book = CooldownBook()
        _ = book.failed(Sample.failure(.billing), profile: "a", model: "m", at: t0 + .seconds(5), rules)
        let holds27 = !book.succeeded("a", "m", began: t0)
        #expect(holds27)
        let holds28 = book.succeeded("a", "m", began: t0 + .minutes(15))
        #expect(holds28)
        #expect(book.windows.isEmpty)
    }

    @Test("a window that begins in the future holds nobody back: the clock was set")
    func clock() {
        var book = CooldownBook()
        _ = book.failed(Sample.failure(.rateLimit), profile: "a", model: "m", at: t0 + .seconds(86_400), rules)
        #expect(book.standing("a", "m", at: t0) == .open)
    }

    @Test("the book keeps no more windows than its bound, the longest ones")
    func bounded() {
        var book = CooldownBook()
        for number in 0..<(CooldownBook.limit + 50) {
            let failure = Sample.failure(.rateLimit, after: .seconds(100 + number))
            _ = book.failed(failure, profile: "a", model: "m\(number)", at: t0, rules)
        }
        #expect(book.windows.count == CooldownBook.limit)
        #expect(end(book, "a", "m\(CooldownBook.limit + 49)") != nil && end(book, "a", "m0") == nil)
    }

    @Test("clearing takes one key's, one model's or all windows")
    func clear() {
        var book = CooldownBook()
        for profile in ["a", "b"] {
            for model in ["m", "n"] {
                _ = book.failed(Sample.failure(.rateLimit), profile: profile, model: model, at: t0, rules)
            }
        }
        let holds29 = book.clear(profile: "a", model: "m") == 1
        #expect(holds29)
        let holds30 = book.clear(profile: "b", model: nil) == 2
        #expect(holds30)
        let holds31 = book.clear(profile: nil, model: nil) == 1
        #expect(holds31)
    }
}

@Suite("The order of keys")
struct OrderTests {
    private let t0 = Sample.start

    @Test("without an order: OAuth, token, key, the one used longest ago first")
    func ranked() {
        var state = FailoverState(
            profiles: [
                .init(id: "k1", rank: 2, fingerprint: ""), .init(id: "k2", rank: 2, fingerprint: ""),
                .init(id: "o", rank: 0, fingerprint: ""), .init(id: "t", rank: 1, fingerprint: ""),
            ],
            isOrderFixed: false
        )
        #expect(state.order(for: "", at: t0) == ["o", "t", "k1", "k2"])
        state.use("k1", for: "", at: t0)
        #expect(state.order(for: "", at: t0) == ["o", "t", "k2", "k1"])
    }

    @Test("a conversation keeps its key for an hour after its last call")
    func sticky() {
        var state = Sample.state("a", "b", "c", isOrderFixed: true)
        state.use("c", for: "s1", at: t0)
        #expect(state.order(for: "s1", at: t0 + .minutes(59)) == ["c", "a", "b"])
        #expect(state.order(for: "s1", at: t0 + .minutes(60)) == ["a", "b", "c"])
        #expect(state.order(for: "s2", at: t0) == ["a", "b", "c"])
    }

    @Test("no more conversations are remembered than the bound, the newest")
    func seats() {
        var state = Sample.state("a", "b")
        for number in 0...FailoverState.seatLimit {
            state.use("b", for: "s\(number)", at: t0 + .seconds(number))
        }
        #expect(state.seats.count <= FailoverState.seatLimit)
        #expect(state.seats[FailoverState.digest("s\(FailoverState.seatLimit)")] != nil)
    }
}
