import TestSupport
import Testing

@testable import Discord

/// The connection machine under a clock that the test moves.
@Suite("The connection to Discord's gateway")
struct GatewayPlanTests {
    private static let session = GatewayPlan.Session(id: "s", resumeURL: "wss://resume.example", seq: 7)
    private static let begin = ContinuousClock.now

    /// A plan and its clock.
    private struct Desk {
        var plan: GatewayPlan
        var now = GatewayPlanTests.begin

        init(session: GatewayPlan.Session? = nil, random: Double = 0.5) {
            plan = GatewayPlan(session: session, random: { random })
        }

        mutating func hear(_ event: GatewayPlan.Event, after seconds: Double = 0) -> [GatewayPlan.Effect] {
            now += .milliseconds(Int64(seconds * 1000))
            return plan.handle(event, at: now)
        }

        /// Waits for the deadline.
        mutating func wait() -> [GatewayPlan.Effect] {
            guard let deadline = plan.deadline else { return [] }
            now = max(now, deadline)
            return plan.handle(.tick, at: now)
        }

        /// Up to READY.
        mutating func connect() {
            _ = hear(.begin)
            _ = hear(.address(.init(url: "wss://gateway.example", remaining: 900, resetAfter: .zero)))
            _ = hear(.opened)
            _ = hear(.hello(interval: .seconds(40)))
            _ = hear(.ready(GatewayPlanTests.session))
        }
    }

    @Test(
        "without a session: address, connection, HELLO, IDENTIFY, READY; with one: RESUME, and no address is asked for"
    )
    func handshakes() {
        var fresh = Desk()
        #expect(fresh.hear(.begin) == [.askAddress])
        let address = GatewayPlan.Address(url: "wss://gateway.example", remaining: 1, resetAfter: .zero)
        #expect(fresh.hear(.address(address)) == [.open("wss://gateway.example")])
        #expect(fresh.hear(.opened).isEmpty)
        #expect(fresh.hear(.hello(interval: .seconds(40))) == [.identify])
        #expect(fresh.hear(.ready(Self.session)) == [.connected(resumed: false)])
        var known = Desk(session: Self.session)
        #expect(known.hear(.begin) == [.open("wss://resume.example")])
        _ = known.hear(.opened)
        #expect(known.hear(.hello(interval: .seconds(40))) == [.resume(Self.session)])
        #expect(known.hear(.resumed) == [.connected(resumed: true)])
    }

    @Test("no start of a session is spent when Discord has none left")
    func startLimit() {
        var desk = Desk()
        _ = desk.hear(.begin)
        let effects = desk.hear(.address(.init(url: "wss://g", remaining: 0, resetAfter: .seconds(500))))
        guard case .trouble(let words)? = effects.first, effects.count == 1 else {
            Issue.record("\(effects)")
            return
        }
        #expect(words.contains("500 s"))
        #expect(desk.plan.deadline == desk.now + .seconds(500))
        #expect(desk.wait() == [.askAddress])
    }

    @Test("HELLO that does not come within 30 s costs the connection")
    func noHello() {
        var desk = Desk(session: Self.session)
        _ = desk.hear(.begin)
        _ = desk.hear(.opened)
        #expect(desk.plan.deadline == desk.now + .seconds(30))
        #expect(desk.wait().first == .close(code: 4000))
    }

    @Test("the first beat comes after a part of the interval, then each interval; what is named is what is journaled")
    func beats() {
        var desk = Desk(random: 0.25)
        desk.connect()
        #expect(desk.plan.deadline == desk.now + .seconds(10))
        _ = desk.hear(.received(seq: 9))
        #expect(desk.wait() == [.beat(seq: nil)])
        _ = desk.hear(.beatAcknowledged)
        _ = desk.hear(.journaled(seq: 9))
        #expect(desk.plan.deadline == desk.now + .seconds(40))
        #expect(desk.wait() == [.beat(seq: 9)])
    }

    @Test("a beat that is not answered before the next makes a dead connection: closed with 4000, resumed at once")
    func zombie() {
        var desk = Desk()
        desk.connect()
        _ = desk.wait()
        let effects = desk.wait()
        #expect(effects.first == .close(code: 4000))
        #expect(effects.last == .open("wss://resume.example"))
    }

    @Test("a beat that Discord asks for is answered at once, but not a hundred times a minute")
    func askedBeats() {
        var desk = Desk()
        desk.connect()
        var answers = 0
        for _ in 0..<500 where !desk.hear(.beatRequested, after: 0.01).isEmpty { answers += 1 }
        #expect((90...100).contains(answers))
        _ = desk.hear(.beatAcknowledged)
        #expect(!desk.hear(.beatRequested, after: 61).isEmpty)
    }

    @Test("op 7 and a lost connection resume at once from the last number that was taken")
    func resumes() {
        for event in [
            GatewayPlan.Event.reconnectAsked, .closed(code: nil, reason: ""), .closed(code: 4000, reason: ""),
        ] {
            var desk = Desk()
            desk.connect()
            _ = desk.hear(.received(seq: 42))
            #expect(desk.hear(event, after: 60).last == .open("wss://resume.example"))
            _ = desk.hear(.opened)
            guard case .resume(let session)? = desk.hear(.hello(interval: .seconds(40))).first else {
                Issue.record("no RESUME after \(event)")
                continue
            }
            #expect(session.seq == 42)
        }
    }

    @Test("op 9: with true it resumes, with false it waits one to five seconds, forgets the session and identifies")
    func invalidSession() {
        var resumable = Desk(session: Self.session)
        _ = resumable.hear(.begin)
        _ = resumable.hear(.opened)
        _ = resumable.hear(.hello(interval: .seconds(40)))
        #expect(resumable.hear(.sessionInvalid(canResume: true)).last == .open("wss://resume.example"))
        var lost = Desk(session: Self.session, random: 0.5)
        _ = lost.hear(.begin)
        _ = lost.hear(.opened)
        _ = lost.hear(.hello(interval: .seconds(40)))
        let effects = lost.hear(.sessionInvalid(canResume: false))
        #expect(effects.first == .close(code: 4000))
        guard case .sessionLost? = effects.last else {
            Issue.record("\(effects)")
            return
        }
        #expect(lost.plan.deadline == lost.now + .seconds(3))
        #expect(lost.wait() == [.askAddress])
    }

    @Test(
        "close codes: resume, identify anew, or never again",
        arguments: [4000, 4001, 4002, 4003, 4005, 4008, 1000, 1001, 1006]
    )
    func resumableCodes(_ code: Int) {
        #expect(CloseMeaning(code: code, reason: "", intents: []) == .resume)
    }

    @Test("4007 and 4009 identify anew and ask again for what was missed", arguments: [4007, 4009])
    func goneSessions(_ code: Int) {
        var desk = Desk()
        desk.connect()
        let effects = desk.hear(.closed(code: code, reason: "x"), after: 60)
        guard case .sessionLost? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(effects.last == .askAddress)
    }

    @Test("fatal codes park, say what to click and are the end", arguments: [4004, 4010, 4011, 4012, 4013, 4014])
    func fatalCodes(_ code: Int) {
        var desk = Desk()
        desk.connect()
        let effects = desk.hear(.closed(code: code, reason: "no"))
        guard case .fatal(let words)? = effects.last else {
            Issue.record("\(effects)")
            return
        }
        #expect(words.contains("\(code)"))
        if code == 4014 {
            #expect(words.contains("MESSAGE CONTENT INTENT") && words.contains("Privileged Gateway Intents"))
        }
        #expect(desk.plan.deadline == nil)
        #expect(desk.hear(.begin).isEmpty && desk.hear(.tick, after: 1000).isEmpty)
    }

    @Test("nothing ever closes with 1000 or 1001, which would end the session")
    func closeCodes() {
        var generator = SplitMix(seed: 11)
        for _ in 0..<200 {
            var desk = Desk(session: Bool.random(using: &generator) ? Self.session : nil)
            var all = desk.hear(.begin)
            for _ in 0..<60 {
                all += desk.hear(Self.anything(&generator), after: Double.random(in: 0..<50, using: &generator))
            }
            for effect in all {
                if case .close(let code) = effect { #expect(code != 1000 && code != 1001) }
            }
        }
    }

    @Test("pauses grow from 1 s to 60 s, and start anew after a connection that held")
    func pauses() {
        var desk = Desk(session: Self.session)
        _ = desk.hear(.begin)
        var waits: [Duration] = []
        for _ in 0..<12 {
            _ = desk.hear(.openFailed("no route"))
            if let deadline = desk.plan.deadline, deadline > desk.now { waits.append(desk.now.duration(to: deadline)) }
            if desk.plan.deadline != nil { _ = desk.wait() }
            _ = desk.hear(.address(.init(url: "wss://g", remaining: 5, resetAfter: .zero)))
        }
        let seconds = waits.map { $0.components.seconds }
        #expect(seconds.contains(1) && seconds.contains(2) && seconds.contains(4))
        #expect(seconds.max() == 60 && waits.allSatisfy { $0 <= .seconds(60) })
        _ = desk.hear(.opened)
        _ = desk.hear(.hello(interval: .seconds(40)))
        _ = desk.hear(.resumed)
        #expect(desk.hear(.reconnectAsked, after: 11).last == .open("wss://resume.example"))
    }

    @Test("connections that do not hold are not opened in a hot loop")
    func flapping() {
        var desk = Desk(session: Self.session)
        _ = desk.hear(.begin)
        var opened = 0
        let end = desk.now + .seconds(600)
        while desk.now < end {
            _ = desk.hear(.opened)
            _ = desk.hear(.hello(interval: .seconds(40)))
            _ = desk.hear(.resumed)
            opened += 1
            if desk.hear(.closed(code: nil, reason: ""), after: 0.01).last != .open("wss://resume.example") {
                _ = desk.wait()
            }
        }
        #expect(opened < 30)
    }

    @Test("a full queue gives the connection up until there is room, and resumes where the queue ended")
    func overflow() {
        var desk = Desk()
        desk.connect()
        _ = desk.hear(.received(seq: 20))
        #expect(desk.hear(.overflow).first == .close(code: 4000))
        #expect(desk.plan.deadline == nil)
        #expect(desk.hear(.drained) == [.open("wss://resume.example")])
        #expect(desk.plan.session?.seq == 20)
    }

    @Test("events in any order, again and again: it is always at it, and never traps")
    func anyOrder() {
        var generator = SplitMix(seed: 3)
        var desk = Desk()
        _ = desk.hear(.begin)
        for round in 0..<20_000 {
            _ = desk.hear(Self.anything(&generator), after: Double.random(in: 0..<3, using: &generator))
            if round % 7 == 0 { _ = desk.wait() }
            if round % 50 == 0 { _ = desk.hear(.drained) }
            if round % 90 == 0 { _ = desk.hear(.addressFailed("x", retryAfter: nil)) }
        }
        // Nothing fatal came, so it is still at it.
        _ = desk.hear(.drained)
        _ = desk.hear(.addressFailed("x", retryAfter: .seconds(3)))
        #expect(desk.plan.deadline != nil)
    }

    private static func anything(_ generator: inout SplitMix) -> GatewayPlan.Event {
        let events: [GatewayPlan.Event] = [
            .address(.init(url: "wss://g", remaining: 3, resetAfter: .zero)), .opened, .openFailed("x"),
            .hello(interval: .seconds(0)), .hello(interval: .seconds(1_000_000)), .beatRequested, .beatAcknowledged,
            .reconnectAsked, .sessionInvalid(canResume: true), .sessionInvalid(canResume: false), .ready(session),
            .resumed,
            .received(seq: 3), .journaled(seq: 2), .closed(code: 4009, reason: ""), .closed(code: nil, reason: ""),
            .broken("x"), .overflow, .tick,
        ]
        return events.randomElement(using: &generator) ?? .tick
    }
}
