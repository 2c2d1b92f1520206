import IPCHub
import Testing

@testable import Runtime

@Suite("A channel's ledger")
struct ChannelLedgerTests {
    private func result(_ row: UInt64) -> HubSendResult {
        var result = HubSendResult()
        result.row = row
        result.messageID = "m\(row)"
        return result
    }

    @Test("delivers a row once, and answers a repeat with the result")
    func once() {
        var ledger = ChannelLedger()
        #expect(ledger.accept(7) == .deliver)
        #expect(ledger.accept(7) == .known(nil))
        ledger.finish(result(7))
        #expect(ledger.accept(7) == .known(result(7)))
        #expect(!ledger.isIdle)
        ledger.acknowledgeResult(7)
        #expect(ledger.isIdle)
    }

    @Test("takes no more chunks than its bound")
    func bounded() {
        var ledger = ChannelLedger()
        for row in 0..<UInt64(ChannelLedger.acceptedLimit) { #expect(ledger.accept(row) == .deliver) }
        #expect(ledger.accept(1000) == .busy)
        ledger.finish(result(0))
        #expect(ledger.accept(1000) == .deliver)
    }

    @Test("keeps events in order until each is acknowledged")
    func events() {
        var ledger = ChannelLedger()
        let sent = ledger.take([
            ChannelEvent(key: "a", raw: [1], cursor: [2]), ChannelEvent(key: "b", raw: [], cursor: []),
        ])
        #expect(sent.map(\.seq) == [1, 2])
        let last = ledger.take([ChannelEvent(key: "c", raw: [], cursor: [])])
        #expect(last.map(\.seq) == [3])
        #expect(ledger.acknowledge(2) == true)
        #expect(ledger.acknowledge(2) == false)
        #expect(ledger.backlog.map(\.eventKey) == ["a", "c"])
    }

    @Test("a refusal that comes before anybody waits for it is no acknowledgment")
    func refusals() {
        var ledger = ChannelLedger()
        _ = ledger.take([ChannelEvent(key: "a", raw: [], cursor: []), ChannelEvent(key: "b", raw: [], cursor: [])])
        #expect(ledger.fate(of: 1) == .open)
        #expect(ledger.acknowledge(1, refused: "the disk is full") && ledger.acknowledge(2))
        #expect(ledger.fate(of: 1) == .refused("the disk is full"))
        #expect(ledger.fate(of: 2) == .journaled)
        _ = ledger.take([ChannelEvent(key: "c", raw: [], cursor: [])])
        ledger.forget(3)
        #expect(ledger.backlog.isEmpty)
    }
}
