import IPCHub
import TestSupport
import Testing

@testable import Failover

@Suite("A call's way through the keys")
struct CallPlanTests {
    private let t0 = Sample.start

    /// What a call did, step by step: `a`, `pause 500`, `give up rateLimit`.
    private func walk(
        _ state: inout FailoverState,
        pinned: String = "",
        byChoice: Bool = false,
        attemptsLeft: Int = 0,
        time: Duration = .seconds(600),
        from start: WallTime = Sample.start,
        attempt: Duration = .seconds(1),
        _ outcome: (String, Int) -> CallFailure?
    ) -> (steps: [String], failed: HubModelEvent.Failed?) {
        var plan = CallPlan(
            &state,
            model: "m",
            session: "s",
            pinned: pinned,
            byChoice: byChoice,
            attemptsLeft: attemptsLeft,
            time: time
        )
        var steps: [String] = []
        var elapsed = Duration.zero
        while steps.count < 100 {
            switch plan.next(&state, at: start + elapsed, elapsed: elapsed, jitter: 0) {
            case .pause(let wait):
                steps.append("pause \(wait.wholeMilliseconds)")
                elapsed += wait
            case .giveUp(let failed):
                return (steps, failed)
            case .ask(let profile, _):
                steps.append(profile)
                elapsed += attempt
                guard let failure = outcome(profile, plan.attempts) else {
                    _ = plan.succeeded(&state)
                    return (steps, nil)
                }
                _ = plan.failed(failure, &state, at: start + elapsed)
            }
        }
        return (steps, nil)
    }

    @Test(
        "each class is answered as the table says",
        arguments: [
            (Sample.failure(.transient), ["a", "pause 250", "a", "b", "pause 250", "b"], true),
            (Sample.failure(.cut), ["a", "pause 250", "a", "b", "pause 250", "b"], true),
            (Sample.failure(.timeout), ["a"], true),
            (Sample.failure(.unreachable), ["a", "pause 250", "a"], true),
            (Sample.failure(.overloaded), ["a", "pause 1000", "a"], true),
            (Sample.failure(.overloaded, after: .seconds(3)), ["a", "pause 3000", "a"], true),
            (Sample.failure(.overloaded, after: .seconds(30)), ["a"], true),
            (Sample.failure(.rateLimit), ["a", "b"], true),
            (Sample.failure(.rateLimit, after: .seconds(60)), ["a", "b"], true),
            (Sample.failure(.billing), ["a", "b"], true),
            (Sample.failure(.auth, status: 401), ["a", "b"], true),
            (Sample.failure(.unknown), ["a", "b"], true),
            (Sample.failure(.modelNotFound), ["a"], true),
            (Sample.failure(.context), ["a"], true),
            (Sample.failure(.badRequest), ["a"], true),
            (Sample.failure(.refused), ["a"], false),
        ]
    )
    func table(_ failure: CallFailure, _ expected: [String], _ triesNext: Bool) throws {
        var state = Sample.state("a", "b")
        let (steps, end) = walk(&state) { _, _ in failure }
        #expect(steps == expected)
        let failed = try #require(end)
        #expect(failed.kind == failure.kind && failed.tryNext == triesNext && failed.beforeContent)
        #expect(Int(failed.attempts) == expected.count { !$0.hasPrefix("pause") })
    }

    @Test("a short wait that the provider asks for is waited for when no other key is left")
    func shortWait() {
        var state = Sample.state("a")
        let (steps, failed) = walk(&state) { _, attempt in
            attempt == 1 ? Sample.failure(.rateLimit, after: .seconds(2)) : nil
        }
        #expect(steps == ["a", "pause 2000", "a"] && failed == nil)
        #expect(state.book.windows.isEmpty)
        var two = Sample.state("a", "b")
        #expect(
            walk(&two) { key, _ in key == "a" ? Sample.failure(.rateLimit, after: .seconds(2)) : nil }.steps == [
                "a", "b",
            ]
        )
    }

    @Test("x-should-retry is the provider's word")
    func shouldRetry() {
        var no = Sample.failure(.transient)
        no.shouldRetry = false
        var state = Sample.state("a")
        let holds1 = walk(&state) { _, _ in no }.steps == ["a"]
        #expect(holds1)
        var yes = Sample.failure(.badRequest, status: 409)
        yes.shouldRetry = true
        let holds2 = walk(&state) { _, _ in yes }.steps == ["a", "pause 250", "a"]
        #expect(holds2)
    }

    @Test("while every key cools nobody is asked, and the earliest end is told")
    func cooling() throws {
        var state = Sample.state("a", "b")
        _ = walk(&state) { key, _ in Sample.failure(.rateLimit, after: key == "a" ? .seconds(90) : .seconds(60)) }
        let (steps, end) = walk(&state, from: t0 + .seconds(12)) { _, _ in nil }
        let failed = try #require(end)
        #expect(steps.isEmpty && failed.attempts == 0 && failed.kind == .rateLimit && failed.tryNext)
        // It failed two seconds after the start.
        #expect(failed.retryAfterMs == 50_000)
    }

    @Test("what a person chose is asked once although it cools, and the answer ends the cooldown")
    func byChoice() {
        var state = Sample.state("a", "b")
        _ = walk(&state) { _, _ in Sample.failure(.billing) }
        #expect(
            walk(&state, byChoice: true, from: t0 + .seconds(9)) { _, _ in Sample.failure(.billing) }.steps.count == 1
        )
        let before = state.book.windows.count
        let holds3 = walk(&state, byChoice: true, from: t0 + .seconds(20)) { _, _ in nil }.steps.count == 1
        #expect(holds3)
        #expect(state.book.windows.count < before)
    }

    @Test("a pinned key is the only one, and one that is not there is said to be missing")
    func pinned() {
        var state = Sample.state("a", "b")
        let holds4 = walk(&state, pinned: "b") { _, _ in Sample.failure(.auth, status: 401) }.steps == ["b"]
        #expect(holds4)
        let holds5 = walk(&state, pinned: "x") { _, _ in nil }.failed?.cause.contains("no key x") == true
        #expect(holds5)
        var none = FailoverState(profiles: [], isOrderFixed: false)
        let holds6 = walk(&none) { _, _ in nil }.failed?.kind == .auth
        #expect(holds6)
    }

    @Test("no attempt begins in the second half of the time, and none at all when it is over")
    func time() {
        var state = Sample.state("a", "b", "c")
        #expect(
            walk(&state, time: .seconds(10), attempt: .seconds(3)) { _, _ in Sample.failure(.unknown) }.steps == [
                "a", "b",
            ]
        )
        var late = Sample.state("a")
        let holds7 = walk(&late, time: .zero) { _, _ in nil }.failed?.kind == .exhausted
        #expect(holds7)
    }

    @Test("a conversation goes on with its key until that cools, and stays with the next")
    func stickiness() {
        var state = Sample.state("a", "b")
        var now = t0
        func ask(_ failing: String?) -> [String] {
            now = now + .seconds(10)
            return walk(&state, from: now) { key, _ in key == failing ? Sample.failure(.rateLimit) : nil }.steps
        }
        let holds8 = ask(nil) == ["a"] && ask(nil) == ["a"]
        #expect(holds8)
        let holds9 = ask("a") == ["a", "b"]
        #expect(holds9)
        now = now + .minutes(20)
        let holds10 = ask(nil) == ["b"]
        #expect(holds10)
    }

    @Test("of two calls one tries a key whose window is over, the other waits for it, then asks as well")
    func singleFlight() {
        var state = Sample.state("a")
        _ = walk(&state) { _, _ in Sample.failure(.rateLimit) }
        let now = t0 + .seconds(70)
        var first = CallPlan(&state, model: "m", session: "", time: .seconds(600))
        var second = CallPlan(&state, model: "m", session: "", time: .seconds(600))
        func isAsked(_ step: CallPlan.Step) -> Bool { if case .ask = step { true } else { false } }
        let holds11 = isAsked(first.next(&state, at: now, elapsed: .zero, jitter: 0))
        #expect(holds11)
        let holds12 = second.next(&state, at: now, elapsed: .zero, jitter: 0) == .pause(.milliseconds(200))
        #expect(holds12)
        // Who asked went away: the probe is not lost.
        first.abandoned(&state)
        let holds13 = isAsked(second.next(&state, at: now, elapsed: .milliseconds(200), jitter: 0))
        #expect(holds13)
        let holds14 = second.succeeded(&state)
        #expect(holds14)
    }

    @Test("while somebody tries the only key, what it failed with is told, and not that there is none")
    func tried() throws {
        var state = Sample.state("a")
        _ = walk(&state) { _, _ in Sample.failure(.rateLimit) }
        var first = CallPlan(&state, model: "m", session: "", time: .seconds(600))
        _ = first.next(&state, at: t0 + .seconds(70), elapsed: .zero, jitter: 0)
        let (steps, end) = walk(&state, from: t0 + .seconds(70)) { _, _ in nil }
        let failed = try #require(end)
        #expect(Set(steps) == ["pause 200"] && failed.kind == .rateLimit && failed.attempts == 0 && failed.tryNext)
        #expect(failed.cause.contains("another call is trying a just now: it failed before (rate_limit"))
    }

    @Test("a locked key is tried every quarter of an hour, and a top-up ends the lock")
    func topUp() {
        var state = Sample.state("a")
        let holds15 = walk(&state) { _, _ in Sample.failure(.billing) }.steps == ["a"]
        #expect(holds15)
        let lock = state.book.windows[CooldownKey(profile: "a", model: nil)]?.until
        let holds16 = walk(&state, from: t0 + .minutes(14)) { _, _ in nil }.steps.isEmpty
        #expect(holds16)
        let holds17 = walk(&state, from: t0 + .minutes(16)) { _, _ in Sample.failure(.billing) }.steps == ["a"]
        #expect(holds17)
        #expect(state.book.windows[CooldownKey(profile: "a", model: nil)]?.until == lock)
        let holds18 = walk(&state, from: t0 + .minutes(30)) { _, _ in nil }.steps.isEmpty
        #expect(holds18)
        let holds19 = walk(&state, from: t0 + .minutes(32)) { _, _ in nil }.steps == ["a"]
        #expect(holds19)
        #expect(state.book.windows.isEmpty)
    }

    @Test("the operator's first key is tried first when its time has come, where an order is given")
    func fixedOrder() {
        for isFixed in [true, false] {
            var state = Sample.state("a", "b", isOrderFixed: isFixed)
            _ = walk(&state) { key, _ in key == "a" ? Sample.failure(.billing) : nil }
            state.seats = [:]
            let steps = walk(&state, from: t0 + .minutes(16)) { _, _ in nil }.steps
            #expect(steps == [isFixed ? "a" : "b"])
        }
    }

    @Test("a credential that was renewed is asked once more, at once")
    func renewed() {
        var state = Sample.state("a")
        var plan = CallPlan(&state, model: "m", session: "", time: .seconds(600))
        _ = plan.next(&state, at: t0, elapsed: .zero, jitter: 0)
        _ = plan.failed(Sample.failure(.auth, status: 401), &state, at: t0)
        let holds20 = state.credentialChanged("a", fingerprint: "new")
        #expect(holds20)
        plan.credentialChanged("a", state.rules)
        guard case .ask("a", _) = plan.next(&state, at: t0, elapsed: .seconds(1), jitter: 0) else {
            Issue.record("the renewed key was not asked")
            return
        }
    }

    // MARK: Properties

    @Test("whatever fails: at most six attempts and two per key, ends stand, no probe is lost", arguments: 0..<40)
    func properties(_ seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        let kinds = HubModelEvent.Failed.Kind.allCases
        let names = ["a", "b", "c", "d"].prefix(1 + seed % 4)
        var state = FailoverState(
            profiles: names.map { .init(id: $0, rank: 2, fingerprint: "") },
            isOrderFixed: seed.isMultiple(of: 2)
        )
        var now = t0
        for _ in 0..<200 {
            now = now + .milliseconds(Int64(random.below(900_000)))
            var plans: [(CallPlan, asked: [String: Int], asking: String?, elapsed: Duration, left: Int)] = []
            for _ in 0..<(1 + random.below(3)) {
                let left = random.below(8)
                let plan = CallPlan(
                    &state,
                    model: "m\(random.below(3))",
                    session: "s\(random.below(5))",
                    byChoice: random.below(5) == 0,
                    attemptsLeft: left,
                    time: .seconds(Int64(1 + random.below(600)))
                )
                plans.append((plan, [:], nil, .zero, left))
            }
            var open = Set(plans.indices)
            while let index = open.min(by: { _, _ in random.below(2) == 0 }) {
                let before = state.book.windows
                if let profile = plans[index].asking {
                    plans[index].asking = nil
                    switch random.below(5) {
                    case 0:
                        _ = plans[index].0.succeeded(&state)
                    case 1:
                        plans[index].0.abandoned(&state)
                        open.remove(index)
                    default:
                        var failure = CallFailure(kinds[random.below(kinds.count)], "x")
                        if random.below(3) == 0 { failure.retryAfter = .milliseconds(Int64(random.below(20_000))) }
                        if random.below(3) == 0 { failure.scope = [.key, .provider, .model][random.below(3)] }
                        _ = plans[index].0.failed(failure, &state, at: now)
                        for (key, window) in before where window.until > now {
                            #expect((state.book.windows[key]?.until ?? now) >= window.until, "\(profile) \(key)")
                        }
                        continue
                    }
                    open.remove(index)
                    continue
                }
                let step = plans[index].0.next(
                    &state,
                    at: now,
                    elapsed: plans[index].elapsed,
                    jitter: Double(random.below(100)) / 100
                )
                switch step {
                case .giveUp: open.remove(index)
                case .pause(let wait):
                    #expect(wait <= .seconds(5))
                    plans[index].elapsed += wait
                    now = now + wait
                case .ask(let profile, _):
                    plans[index].asking = profile
                    plans[index].asked[profile, default: 0] += 1
                    #expect(plans[index].asked[profile, default: 0] <= 2)
                    let limit = plans[index].left == 0 ? 6 : min(6, plans[index].left)
                    #expect(plans[index].0.attempts <= limit)
                    plans[index].elapsed += .milliseconds(Int64(random.below(9000)))
                }
            }
            #expect(state.book.windows.values.allSatisfy { $0.probe == nil })
        }
    }
}
