import Config
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
        #expect(send.content.text == "an answer")
        #expect(send.target == Data("to 1".utf8))
        #expect(send.first)
        bench.result(channel, send.row)
        #expect(bench.take(channel) == [.resultAck(.with { $0.row = send.row })])
        let counts = try bench.counts()
        #expect(counts == JournalCounts())
        #expect(bench.steps == ["inbound", "normalize", "normalized", "claim", "done", "send", "result"])
    }
}

@Suite("taking in")
struct IntakeTests {
    @Test("a known key is acknowledged again and starts nothing")
    func duplicate() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning(key: "k")
        bench.done(agent, turn.turnID)
        _ = bench.take(channel)
        bench.inbound(channel, key: "k", seq: 9)
        #expect(bench.take(channel) == [.inboundAck(.with { $0.seq = 9 })])
        #expect(bench.turns(agent).isEmpty)
    }

    @Test("the cursor of the last event is what a new incarnation begins with")
    func cursor() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "a", seq: 1, cursor: "10")
        bench.inbound(channel, key: "b", seq: 2, cursor: "11")
        bench.receive(Bench.channel, channel, .cursor(.with { $0.cursor = Data("12".utf8) }))
        try bench.restart()
        let again = bench.link(Bench.channel, incarnation: 2)
        #expect(bench.take(again)[1] == .cursor(.with { $0.cursor = Data("12".utf8) }))
    }

    @Test("while an event is refused the cursor does not pass it, whatever comes after it")
    func refusedHoldsCursor() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "a", seq: 1, cursor: "10")
        bench.apply(.intakeStopped("the disk is full"))
        bench.inbound(channel, key: "b", seq: 2, cursor: "11")
        bench.apply(.intakeStopped(nil))
        bench.inbound(channel, key: "c", seq: 3, cursor: "12")
        bench.receive(Bench.channel, channel, .cursor(.with { $0.cursor = Data("13".utf8) }))
        let acks = bench.take(channel).compactMap { if case .inboundAck(let ack) = $0 { ack } else { nil } }
        #expect(acks.map(\.refused) == ["", "the disk is full", ""])
        #expect(try bench.journal.holdings(worker: Bench.channel, incarnation: 1).cursor == Array("10".utf8))
        bench.inbound(channel, key: "b", seq: 4, cursor: "11")
        bench.inbound(channel, key: "c", seq: 5, cursor: "12")
        #expect(try bench.journal.holdings(worker: Bench.channel, incarnation: 1).cursor == Array("12".utf8))
    }

    @Test("events of one moment move the cursor to the last of them")
    func batch() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.together {
            for (seq, key) in ["10", "11", "12"].enumerated() {
                bench.inbound(channel, key: key, seq: UInt64(seq), cursor: key)
            }
        }
        #expect(try bench.journal.holdings(worker: Bench.channel, incarnation: 1).cursor == Array("12".utf8))
    }

    @Test("what comes behind an event that is refused only in its commit does not move the cursor past it")
    func refusedInCommit() throws {
        var limits = DeliveryLimits()
        limits.waitingPerChannel = 1
        let bench = try Bench(limits: limits)
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "a", seq: 1, cursor: "10")
        bench.together {
            bench.inbound(channel, key: "b", seq: 2, cursor: "11")
            // Taken: it is known.
            bench.inbound(channel, key: "a", seq: 3, cursor: "12")
            bench.receive(Bench.channel, channel, .cursor(.with { $0.cursor = Data("13".utf8) }))
        }
        let acks = bench.take(channel).compactMap {
            if case .inboundAck(let ack) = $0 { ack.refused.isEmpty } else { nil }
        }
        #expect(acks == [true, false, true])
        #expect(try bench.journal.holdings(worker: Bench.channel, incarnation: 1).cursor == Array("10".utf8))
    }

    @Test("an event that the journal refuses is refused to the worker, with the words for it")
    func journalFull() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        _ = bench.take(channel)
        bench.refusal = .full
        bench.inbound(channel, key: "a", seq: 3)
        let ack = HubInboundAck.with {
            $0.seq = 3
            $0.refused = JournalError.full.description
        }
        #expect(bench.take(channel) == [.inboundAck(ack)])
    }

    @Test("more refused keys than are remembered hold the cursor until a new incarnation")
    func refusedBound() {
        var refused = RefusedEvents(limit: 2, incarnation: 1)
        for key in ["a", "b", "c"] { refused.refuse(key) }
        for key in ["a", "b", "c"] { refused.accept(key) }
        #expect(refused.holdsCursor)
        var few = RefusedEvents(limit: 2, incarnation: 1)
        for key in ["a", "b"] { few.refuse(key) }
        for key in ["a", "b"] { few.accept(key) }
        #expect(!few.holdsCursor)
    }

    @Test("when too many messages wait, the next is refused")
    func crowded() throws {
        var limits = DeliveryLimits()
        limits.waitingPerChannel = 3
        let bench = try Bench(limits: limits)
        let channel = bench.link(Bench.channel)
        for index in 1...4 { bench.inbound(channel, key: "k\(index)", seq: UInt64(index)) }
        let refusals = bench.take(channel).compactMap { if case .inboundAck(let ack) = $0 { ack.refused } else { nil } }
        #expect(refusals == ["", "", "", "3 messages wait for their answer"])
        bench.inbound(channel, key: "k1", seq: 5)
        #expect(bench.take(channel) == [.inboundAck(.with { $0.seq = 5 })])
    }

    @Test("no more events are in a worker's hands than it is meant to hold")
    func inHand() throws {
        var limits = DeliveryLimits()
        limits.inHandPerChannel = 2
        let bench = try Bench(limits: limits)
        let channel = bench.link(Bench.channel)
        for index in 1...5 { bench.inbound(channel, key: "k\(index)", seq: UInt64(index)) }
        func asked() -> [HubNormalize] {
            bench.take(channel).compactMap { if case .normalize(let normalize) = $0 { normalize } else { nil } }
        }
        let first = asked()
        #expect(first.count == 2)
        var parsed = HubNormalized()
        parsed.row = first[0].row
        parsed.ignored = "an edit"
        bench.receive(Bench.channel, channel, .normalized(parsed))
        #expect(asked().count == 1)
    }

    @Test("while draining nothing is taken in, and the sender's network keeps it")
    func draining() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.apply(.drain(isShutdown: true, epoch: "one"))
        _ = bench.take(channel)
        bench.inbound(channel, key: "k", seq: 1)
        guard case .inboundAck(let ack)? = bench.take(channel).first else { return #expect(Bool(false)) }
        #expect(ack.refused == Sentences.shuttingDown)
        #expect(try bench.counts() == JournalCounts())
    }

    @Test(
        "an event with an unusable key is acknowledged so that it does not come for ever, and a gap in the log and the journal"
    )
    func unusableKey() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        _ = bench.take(channel)
        bench.inbound(channel, key: "", seq: 4)
        #expect(bench.take(channel) == [.inboundAck(.with { $0.seq = 4 })])
        #expect(bench.logged("messages may be lost: an event was not taken: its key has 0 bytes of 1 to 512"))
        let gaps = try bench.journal.database.rows("SELECT channel, text FROM gaps") { ($0.text(0), $0.text(1)) }
        #expect(gaps.map(\.0) == [Bench.channel])
        #expect(gaps.first?.1 == "an event was not taken: its key has 0 bytes of 1 to 512")
        #expect(try bench.counts() == JournalCounts())
    }
}

@Suite("parsing")
struct ParsingTests {
    @Test("a message that may not talk is ignored with the line that would admit it, once per sender")
    func denied() throws {
        var config = Bench.config()
        config.channels[0].dmPolicy = .allowlist
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        for index in 1...3 {
            bench.inbound(channel, key: "k\(index)", seq: UInt64(index))
            bench.parse(channel) { _ in Bench.message(from: "99") }
        }
        let lines = bench.logs.filter { $0.text.hasPrefix("ignored a message") }
        #expect(
            lines == [
                DeliveryLog(
                    level: .info,
                    subsystem: "telegram",
                    text:
                        "ignored a message from 99 (@name99): not in channels.telegram.allowFrom — add \"99\" to channels.telegram.allowFrom"
                )
            ]
        )
        #expect(bench.core.ignored.total == 3)
        #expect(try bench.counts() == JournalCounts())
        bench.now += IgnoredMessages.interval
        bench.inbound(channel, key: "k9", seq: 9)
        bench.parse(channel) { _ in Bench.message(from: "99") }
        #expect(bench.logged("(and 2 before it)"))
    }

    @Test("rows that are not in the worker's hands are ignored with a log line")
    func foreignRows() throws {
        var config = Bench.config()
        config.channels.append(ChannelAccess(channel: "discord", account: "default"))
        let bench = try Bench(config: config)
        let telegram = bench.link(Bench.channel)
        let discord = bench.link("channel:discord:default")
        bench.inbound(telegram, key: "k")
        guard case .normalize(let asked)? = bench.take(telegram).last else { return #expect(Bool(false)) }
        for row in [asked.row, 77, .max] {
            var parsed = HubNormalized()
            parsed.row = row
            parsed.message = Bench.message()
            bench.receive("channel:discord:default", discord, .normalized(parsed))
            #expect(bench.logged("parsed row \(row), which is not in its hands"))
        }
        #expect(try bench.counts().inboxPending == 1)
    }

    @Test("a worker that speaks before it is welcomed loses its link")
    func early() throws {
        let bench = try Bench()
        bench.refusal = .closed
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "k")
        #expect(bench.closed == [channel, channel])
    }

    @Test("frames that are not a worker's to send are ignored with a log line")
    func wrongKind() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        let model = bench.link("model:anthropic")
        bench.receive(Bench.channel, channel, .done(Bench.ended("t")))
        bench.receive("model:anthropic", model, .inbound(.with { $0.eventKey = "k" }))
        #expect(bench.logs.filter { $0.text.contains("not its to send") }.count == 2)
        #expect(bench.steps.isEmpty)
    }
}
