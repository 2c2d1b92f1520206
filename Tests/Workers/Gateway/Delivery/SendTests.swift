import Config
import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

@Suite("sends")
struct SendTests {
    /// A bench whose answer of `chunks` parts waits for its channel; returns the channel's link.
    static func answered(_ chunks: Int = 1, _ config: GatewayConfig = Bench.config()) throws -> (Bench, Int) {
        let bench = try Bench(config: config)
        let (channel, agent, turn) = try bench.turnRunning()
        _ = bench.take(channel)
        let part = String(repeating: "x", count: 3900)
        bench.done(agent, turn.turnID, (1...chunks).map { "\($0) \(part)" }.joined(separator: "\n\n"))
        return (bench, channel)
    }

    /// The supervisor's word about the channel.
    private func row(_ state: String, _ incarnation: UInt64) -> DeliveryEvent {
        var row = WorkerRow(id: Bench.channel, kind: "channel")
        row.state = state
        row.incarnation = incarnation
        return .row(row)
    }

    @Test("a draining channel gets nothing new and is let go when nothing of it is open; the next one gets the rest")
    func leaving() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        bench.apply(row("ready", 1))
        bench.done(agent, turn.turnID, "first")
        let first = try #require(bench.sends(channel).first)
        bench.apply(row("draining", 1))
        #expect(!bench.take(channel).contains { if case .goodbye = $0 { true } else { false } }, "a chunk is open")
        // A second message comes meanwhile.
        bench.inbound(channel, key: "telegram:default:upd:2", seq: 2)
        let held = bench.take(channel)
        #expect(held.contains { if case .inboundAck = $0 { true } else { false } })
        #expect(!held.contains { if case .normalize = $0 { true } else { false } })
        bench.result(channel, first.row)
        let last = bench.take(channel)
        guard case .resultAck? = last.dropLast().last, case .goodbye(let goodbye)? = last.last else {
            Issue.record("no GOODBYE behind the last RESULT_ACK: \(last)")
            return
        }
        #expect(goodbye.reason == .drained)
        bench.die(Bench.channel, channel, death: .uncounted)
        let next = bench.link(Bench.channel, incarnation: 2)
        bench.apply(row("ready", 2))
        bench.parse(next) { _ in Bench.message("second", from: "2") }
        let second = try #require(bench.turns(agent).first { $0.message.text == "second" })
        bench.done(agent, second.turnID, "second answer")
        let sent = bench.sends(next)
        #expect(sent.map(\.content.text) == ["second answer"] && sent.allSatisfy { !$0.inDoubt })
    }

    @Test("in a shutdown a draining channel still gets the chunks that are due")
    func shutdownSends() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        bench.apply(row("ready", 1))
        bench.apply(.drain(isShutdown: true, epoch: "one"))
        bench.apply(row("draining", 1))
        bench.done(agent, turn.turnID, "the answer")
        #expect(bench.sends(channel).map(\.content.text) == ["the answer"])
    }

    @Test("the parts of an answer go out one after another, each when the one before is settled")
    func order() throws {
        let (bench, channel) = try Self.answered(3)
        var seen: [String] = []
        for _ in 1...3 {
            let sends = bench.sends(channel)
            #expect(sends.count == 1)
            let send = try #require(sends.first)
            seen.append(String(send.content.text.prefix(1)))
            #expect(send.first == (seen.count == 1))
            #expect(send.nonce.count == 24)
            bench.result(channel, send.row)
        }
        #expect(seen == ["1", "2", "3"])
        #expect(try bench.counts() == JournalCounts())
    }

    @Test("RETRY honours what the network asked for, then doubles from one second to five minutes, then gives up")
    func retry() throws {
        let policy = RetryPolicy()
        #expect(policy.next(attempts: 1, retryAfter: 0, createdAt: 0, now: 0) == 1000)
        #expect(policy.next(attempts: 4, retryAfter: 0, createdAt: 0, now: 0) == 8000)
        #expect(policy.next(attempts: 500, retryAfter: 0, createdAt: 0, now: 0) == 300_000)
        #expect(policy.next(attempts: 1, retryAfter: 400_000, createdAt: 0, now: 0) == 400_000)
        #expect(policy.next(attempts: 9, retryAfter: 0, createdAt: 0, now: 86_400_000) == nil)
        let (bench, channel) = try Self.answered(2)
        let send = try #require(bench.sends(channel).first)
        var result = Bench.delivered(send.row, .retry)
        result.retryAfterMs = 7000
        bench.receive(Bench.channel, channel, .sendResult(result))
        bench.advance(6000)
        #expect(bench.sends(channel).isEmpty)
        bench.advance(1000)
        let again = try #require(bench.sends(channel).first)
        #expect(again.row == send.row)
        #expect(again.nonce == send.nonce)
        #expect(!again.inDoubt)
        bench.now += 86_400_000
        bench.result(channel, again.row, .retry)
        #expect(try bench.counts().deadLetters == 1)
        #expect(bench.logged("given up after a day"))
        #expect(bench.sends(channel).count == 1)
    }

    @Test("a part that waits for its time is taken up again after a restart")
    func retrySurvives() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        bench.result(channel, send.row, .retry)
        try bench.restart()
        let again = bench.link(Bench.channel)
        #expect(bench.sends(again).isEmpty)
        bench.advance(1000)
        #expect(bench.sends(again).map(\.row) == [send.row])
    }

    @Test("a part that was refused for good is reported and the next one goes out")
    func rejected() throws {
        let (bench, channel) = try Self.answered(2)
        let send = try #require(bench.sends(channel).first)
        var result = Bench.delivered(send.row, .rejected)
        result.error = "403 bot was blocked by the user"
        bench.receive(Bench.channel, channel, .sendResult(result))
        #expect(bench.logged("403 bot was blocked by the user"))
        #expect(bench.sends(channel).map { String($0.content.text.prefix(1)) } == ["2"])
    }

    @Test("other conversations go out while one waits")
    func conversationsAreApart() throws {
        let (bench, channel) = try Self.answered()
        #expect(bench.sends(channel).count == 1)
        bench.inbound(channel, key: "k2", seq: 2)
        bench.parse(channel) { _ in Bench.message("/stop", from: "2") }
        #expect(bench.sends(channel).map(\.content.text) == [Sentences.stopped])
    }

    @Test("the network's limit holds even when the configuration asks for more")
    func chunkLimit() throws {
        var config = Bench.config()
        config.channels[0].textChunkLimit = 100_000
        let (bench, channel) = try Self.answered(2, config)
        let send = try #require(bench.sends(channel).first)
        #expect(send.content.text.utf16.count <= 4096)
    }

    // MARK: HELLO

    @Test("a row that HELLO lists neither as accepted nor as result was never received: sent again, not in doubt")
    func neverReceived() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        bench.unlink(Bench.channel, channel)
        let again = bench.link(Bench.channel)
        #expect(bench.sends(again) == [send])
    }

    @Test("a row that HELLO lists as accepted is waited for; its result counts on the new link")
    func accepted() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        try bench.restart()
        let again = bench.link(Bench.channel) { $0.acceptedRows = [send.row] }
        #expect(bench.sends(again).isEmpty)
        bench.result(again, send.row)
        #expect(try bench.counts() == JournalCounts())
    }

    @Test("a result that HELLO brings is taken and acknowledged, also the second time")
    func unackedResult() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        for _ in 1...2 {
            try bench.restart()
            let again = bench.link(Bench.channel) { $0.unackedResults = [Bench.delivered(send.row)] }
            let frames = bench.take(again)
            #expect(frames.contains(.resultAck(.with { $0.row = send.row })))
            #expect(!frames.contains { $0.type == 21 })
            #expect(try bench.counts() == JournalCounts())
        }
    }

    @Test("nothing of an old link is acted on after HELLO")
    func oldLink() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        let again = bench.link(Bench.channel) { $0.acceptedRows = [send.row] }
        bench.result(channel, send.row, .rejected)
        #expect(try bench.counts().outboxInflight == 1)
        bench.unlink(Bench.channel, channel)
        bench.result(again, send.row)
        #expect(try bench.counts() == JournalCounts())
    }

    @Test("results for rows of others, or of nobody, are acknowledged, change nothing and are said in the log")
    func foreignResults() throws {
        var config = Bench.config()
        config.channels.append(ChannelAccess(channel: "discord", account: "default"))
        let (bench, channel) = try Self.answered(1, config)
        let send = try #require(bench.sends(channel).first)
        let discord = bench.link("channel:discord:default")
        _ = bench.take(discord)
        for row in [send.row, 99, UInt64.max] {
            bench.receive("channel:discord:default", discord, .sendResult(Bench.delivered(row)))
            #expect(bench.logged("told of row \(row), which is not in its hands"))
        }
        #expect(try bench.counts().outboxInflight == 1)
    }

    // MARK: In doubt

    @Test("a row that died with its worker is sent once more and marked; if that dies too it is a dead letter")
    func inDoubt() throws {
        let (bench, channel) = try Self.answered(2)
        let send = try #require(bench.sends(channel).first)
        bench.die(Bench.channel, channel)
        #expect(bench.exited == ["\(Bench.channel)|1"])
        let second = bench.link(Bench.channel, incarnation: 2)
        let again = try #require(bench.sends(second).first)
        #expect(again.row == send.row)
        #expect(again.inDoubt)
        #expect(bench.logged("it may arrive twice"))
        bench.die(Bench.channel, second, 2)
        #expect(bench.logged("dead letter"))
        #expect(try bench.counts().deadLetters == 1)
        let third = bench.link(Bench.channel, incarnation: 3)
        let next = bench.sends(third)
        #expect(next.map { String($0.content.text.prefix(1)) } == ["2"])
        #expect(next.allSatisfy { !$0.inDoubt })
    }

    @Test("the gateway's restart puts nothing in doubt")
    func gatewayRestart() throws {
        let (bench, _) = try Self.answered()
        for _ in 1...3 { try bench.restart() }
        let again = bench.link(Bench.channel)
        #expect(bench.sends(again).map(\.inDoubt) == [false])
    }

    @Test("a result that was read before the death was told counts, though the death came first")
    func lastWords() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        bench.exit(Bench.channel)
        #expect(bench.exited.isEmpty)
        bench.result(channel, send.row)
        bench.unlink(Bench.channel, channel)
        #expect(bench.exited == ["\(Bench.channel)|1"])
        #expect(try bench.counts() == JournalCounts())
    }

    @Test("a dead worker's link that does not end is not waited for longer than two seconds")
    func lastWordsEnd() throws {
        let (bench, channel) = try Self.answered()
        bench.exit(Bench.channel)
        bench.advance(1999)
        #expect(bench.exited.isEmpty)
        bench.advance(1)
        #expect(bench.exited == ["\(Bench.channel)|1"])
        #expect(bench.closed == [channel])
        #expect(try bench.counts().outboxPending == 1)
    }

    @Test("a request that left without an answer puts its row in doubt; the second one is the last")
    func possibleDuplicate() throws {
        let (bench, channel) = try Self.answered()
        let send = try #require(bench.sends(channel).first)
        var result = Bench.delivered(send.row, .retry)
        result.possibleDuplicate = true
        bench.receive(Bench.channel, channel, .sendResult(result))
        bench.advance(1000)
        let again = try #require(bench.sends(channel).first)
        #expect(again.inDoubt)
        bench.receive(Bench.channel, channel, .sendResult(result))
        bench.advance(300_000)
        #expect(bench.sends(channel).isEmpty)
        #expect(try bench.counts().deadLetters == 1)
        #expect(bench.logged("it may have arrived"))
    }

    @Test("a row that arrived after it was in doubt is reported as perhaps twice")
    func markedForOperator() throws {
        let (bench, channel) = try Self.answered()
        bench.die(Bench.channel, channel)
        let second = bench.link(Bench.channel, incarnation: 2)
        let again = try #require(bench.sends(second).first)
        bench.result(second, again.row)
        #expect(bench.logged("arrived, perhaps twice"))
        let marked = try bench.journal.database.first("SELECT possible_duplicate FROM outbox") { $0.flag(0) }
        #expect(marked == true)
    }
}
