import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

@Suite("inbound")
struct InboundTests {
    @Test("an event is acknowledged after its commit, then parsed, then a turn runs and its answer goes out")
    func wholeWay() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "k1", seq: 7, cursor: "c1")
        let frames = bench.take(channel)
        guard case .welcome = frames[0], case .cursor = frames[1], case .inboundAck(let ack) = frames[2],
            case .normalize(let normalize) = frames[3]
        else { return #expect(Bool(false), "frames in another order: \(frames)") }
        #expect(ack.seq == 7)
        #expect(ack.refused.isEmpty)
        #expect(normalize.raw == Data("k1".utf8))
        var parsed = HubNormalized()
        parsed.row = normalize.row
        parsed.message = Bench.message()
        bench.receive(Bench.channel, channel, .normalized(parsed))
        #expect(bench.starts == [Bench.agent])
        let agent = bench.link(Bench.agent)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.sessionKey == "agent:main:main")
        #expect(turn.modelWorker == "model:anthropic")
        #expect(turn.attempt == 1)
        bench.done(agent, turn.turnID)
        let send = try #require(bench.sends(channel).first)
        #expect(send.text == "an answer")
        #expect(send.target == Data("to 1".utf8))
        #expect(send.first)
        bench.result(channel, send.row)
        #expect(bench.take(channel) == [.resultAck(.with { $0.row = send.row })])
        let counts = try bench.counts()
        #expect(counts == JournalCounts())
        #expect(bench.steps == ["inbound", "normalize", "normalized", "claim", "done", "send", "result"])
    }
}
