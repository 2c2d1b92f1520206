import Testing

@testable import Discord

@Suite("The queue before the journal", .timeLimit(.minutes(1)))
struct EventQueueTests {
    private func event(_ seq: Int64, _ size: Int = 10) -> EventQueue.Item {
        .event(type: "MESSAGE_CREATE", bytes: [UInt8](repeating: 1, count: size), seq: seq, session: "s")
    }

    @Test("it is bounded by number and by bytes, and says when there is room again")
    func bounds() async {
        let queue = EventQueue()
        var taken: Int64 = 0
        while queue.add(event(taken)) { taken += 1 }
        #expect(taken == DiscordLimits.queuedEvents)
        var drained = 0
        var left = Int(taken)
        while left > 0 {
            let (items, hadOverflown) = await queue.take()
            left -= items.count
            if hadOverflown { drained += 1 }
        }
        #expect(drained == 1)
        let heavy = EventQueue()
        var count = 0
        while heavy.add(event(0, 1 << 20)) { count += 1 }
        #expect(count == 8)
        let sessions = EventQueue()
        let ready = EventQueue.Item.session(.init(id: "s", resumeURL: "wss://g", seq: 1), bot: BotIdentity())
        count = 0
        while count <= DiscordLimits.queuedEvents, sessions.add(ready) { count += 1 }
        #expect(count == DiscordLimits.queuedEvents)
    }

    @Test("numbers that need no journal are one item, in their place")
    func passes() async {
        let queue = EventQueue()
        for seq in 1...1000 { #expect(queue.add(.pass(seq: Int64(seq)))) }
        #expect(queue.add(event(1001)) && queue.add(.pass(seq: 1002)))
        let (items, _) = await queue.take()
        #expect(items.count == 3)
        guard case .pass(1000)? = items.first else {
            Issue.record("\(items)")
            return
        }
    }

    @Test("cancelling ends the wait")
    func cancellation() async {
        let queue = EventQueue()
        let waiting = Task { await queue.take().items.count }
        waiting.cancel()
        #expect(await waiting.value == 0)
    }
}
