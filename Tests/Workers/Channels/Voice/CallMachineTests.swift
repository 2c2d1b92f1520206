import Runtime
import TestSupport
import Testing

@testable import Voice

@Suite("A call's states and times")
struct CallMachineTests {
    private static let times = CallMachine.Times(ring: 30_000, longest: 300_000)

    private func machine(
        _ direction: CallRecord.Direction = .outbound,
        times: CallMachine.Times = Self.times,
        isPolled: Bool = false
    ) -> CallMachine {
        var record = CallRecord(
            callId: "c-1",
            provider: "twilio",
            direction: direction,
            state: .initiated,
            from: "+1555",
            to: "+1666",
            startedAt: 0,
            mode: .conversation
        )
        record.providerCallId = "CA1"
        return CallMachine(record: record, times: times, isPolled: isPolled, now: 0)
    }

    private func event(_ kind: CallEvent.Kind, _ id: String = "e") -> CallEvent {
        CallEvent(id: id, kind: kind, providerCallId: "CA1")
    }

    @Test("states go forward only, speaking and listening to and fro, and an end is the end")
    func forward() {
        var call = machine()
        _ = call.take(event(.answered, "1"), now: 10)
        #expect(call.record.state == .answered && call.record.answeredAt == 10)
        _ = call.take(event(.ringing, "2"), now: 20)
        #expect(call.record.state == .answered)
        call.said("Hi", event: nil, lasts: 100, now: 30)
        #expect(call.record.state == .speaking)
        #expect(call.heard("yes", event: "h1", now: 40) == true)
        #expect(call.record.state == .listening)
        call.said("Ok", event: nil, lasts: 100, now: 50)
        #expect(call.record.state == .speaking)
        #expect(call.take(event(.ended(.busy), "3"), now: 60) == .ended)
        #expect(call.record.state == .busy && call.record.endReason == "busy" && call.record.endedAt == 60)
        #expect(call.take(event(.ended(.completed), "4"), now: 70) == .nothing)
        #expect(call.heard("late", event: "h2", now: 80) == false)
        #expect(call.record.state == .busy && call.due == nil)
        #expect(call.record.transcript.map(\.text) == ["Hi", "yes", "Ok"])
    }

    @Test("an event counts once, and sixty-four are remembered")
    func once() {
        var call = machine()
        #expect(call.take(event(.ringing, "1"), now: 1) == .changed)
        #expect(call.take(event(.answered, "1"), now: 2) == .nothing)
        #expect(call.record.state == .ringing)
        #expect(call.heard("a", event: "w", now: 3) == true)
        #expect(call.heard("a", event: "w", now: 4) == false)
        for number in 0..<100 { _ = call.take(event(.other("x"), "n\(number)"), now: 5) }
        #expect(call.record.processedEventIds.count == 64 && call.record.processedEventIds.last == "n99")
    }

    @Test("who does not answer is hung up, a little after the provider should have done it")
    func rings() {
        var call = machine()
        #expect(call.passed(now: 20_000).needs == [.look])
        _ = call.looked(.ringing, now: 20_100)
        #expect(call.due == 32_000)
        #expect(call.passed(now: 31_999).needs.isEmpty)
        #expect(call.passed(now: 32_000).needs == [.hangUp])
        #expect(call.passed(now: 32_001).needs.isEmpty)
        call.hungUp(now: 32_500)
        #expect(call.record.state == .noAnswer && call.record.endReason == "no-answer")
    }

    @Test("the longest time counts from the answer, and hanging up is tried until it works")
    func longest() {
        var call = machine()
        _ = call.take(event(.answered, "1"), now: 5_000)
        var now: Int64 = 5_000
        while call.closing == nil {
            guard let due = call.due, due > now else { break }
            now = due
            if call.passed(now: now).needs == [.look] { _ = call.looked(.answered, now: now) }
        }
        #expect(now == 305_000 && call.closing?.state == .timeout)
        var tries = 1
        while !call.isOver {
            #expect(call.notHungUp("503", now: now) == (now - 305_000 >= 600_000 ? .ended : .nothing))
            guard let due = call.due else { break }
            #expect(due > now && due <= now + 15_000)
            now = due
            #expect(call.passed(now: now).needs == [.hangUp])
            tries += 1
        }
        #expect(tries > 40 && call.record.state == .error && call.record.endReason == "could not be hung up: 503")
    }

    @Test("an end that the provider tells while we hang up is ours")
    func ours() {
        var call = machine()
        _ = call.take(event(.answered, "1"), now: 1)
        call.close(.hangupBot, "hangup-bot", at: 2, now: 2)
        #expect(!call.canTalk)
        #expect(call.passed(now: 2).needs == [.hangUp])
        #expect(call.take(event(.ended(.completed), "2"), now: 3) == .ended)
        #expect(call.record.state == .hangupBot)
    }

    @Test("without a webhook the provider is asked every second at first, every five later")
    func polled() {
        var call = machine(isPolled: true)
        var moments: [Int64] = []
        while moments.count < 6, let due = call.due {
            #expect(call.passed(now: due).needs == [.look])
            moments.append(due)
            _ = call.looked(.ringing, now: due)
        }
        #expect(moments == [1_000, 3_000, 7_000, 12_000, 17_000, 22_000])
        #expect(call.looked(nil, now: 23_000) == .ended)
        #expect(call.record.state == .completed)
    }

    @Test("a call that nothing is heard of is ended, where that is wanted")
    func stale() {
        var times = Self.times
        times.stale = 60_000
        var call = machine(times: times)
        _ = call.take(event(.answered, "1"), now: 10_000)
        #expect(call.passed(now: 69_999).needs == [.look])
        #expect(call.passed(now: 70_000).needs == [.hangUp])
        #expect(call.closing?.reason == "nothing was heard of it for 60 s")
    }

    @Test("a name of the provider's does not change")
    func named() {
        var call = machine()
        #expect(call.name("CA1") == true)
        #expect(call.name("CA2") == false)
        #expect(call.record.providerCallId == "CA1")
    }

    @Test("whatever comes in whatever order: no state goes back, and what is over stays so")
    func model() {
        var random = SplitMix(seed: 11)
        let kinds: [CallEvent.Kind] = [
            .initiated, .ringing, .answered, .active, .spoken, .speech("x"), .other("x"), .ended(.completed),
            .ended(.busy),
        ]
        for _ in 0..<2_000 {
            var call = machine(random.below(2) == 0 ? .outbound : .inbound, isPolled: random.below(2) == 0)
            var now: Int64 = 0
            var last = call.record
            for step in 0..<40 {
                now += Int64(random.below(40_000))
                switch random.below(7) {
                case 0: call.said("x", event: "s\(step)", lasts: 10, now: now)
                case 1: _ = call.heard("y", event: "h\(step)", now: now)
                case 2: call.close(.hangupBot, "x", at: now, now: now)
                case 3: _ = call.looked(random.below(9) == 0 ? nil : .answered, now: now)
                case 4: _ = call.passed(now: now)
                case 5: _ = call.notHungUp("x", now: now)
                default: _ = call.take(event(kinds[random.below(kinds.count)], "e\(random.below(20))"), now: now)
                }
                if last.state.isTerminal { #expect(call.record.state == last.state && call.due == nil) }
                #expect(rank(call.record.state) >= rank(last.state))
                if last.answeredAt != nil { #expect(call.record.answeredAt == last.answeredAt) }
                last = call.record
            }
            // Every call ends: nothing is waited for for ever.
            for _ in 0..<400 {
                guard let due = call.due else { break }
                now = max(now, due)
                for need in call.passed(now: now).needs {
                    if need == .look { call.notLooked(now: now) } else { _ = call.notHungUp("x", now: now) }
                }
            }
            #expect(call.isOver)
        }
    }

    private func rank(_ state: CallRecord.State) -> Int {
        switch state {
        case .initiated: 0
        case .ringing: 1
        case .answered: 2
        case .active: 3
        case .speaking, .listening: 4
        default: 5
        }
    }
}
