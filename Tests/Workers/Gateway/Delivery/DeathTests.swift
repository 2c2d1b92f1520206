import Config
import FoundationEssentials
import IPCControl
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

@Suite("deaths")
struct DeathTests {
    private static func manyLanes() -> GatewayConfig {
        var config = Bench.config()
        config.session.dmScope = .perPeer
        return config
    }

    private func say(_ bench: Bench, _ link: Int, _ senders: [String]) {
        for sender in senders {
            bench.inbound(link, key: "k\(sender)", seq: UInt64(sender) ?? 0)
            bench.parse(link) { _ in Bench.message("from \(sender)", from: sender) }
        }
    }

    @Test("a turn whose agent died is begun again with its attempt counted")
    func again() throws {
        let bench = try Bench()
        let (_, agent, turn) = try bench.turnRunning()
        bench.die(Bench.agent, agent)
        #expect(bench.starts == [Bench.agent])
        let next = bench.link(Bench.agent, incarnation: 2)
        let second = try #require(bench.turns(next).first)
        #expect(second.turnID == turn.turnID)
        #expect(second.attempt == 2)
    }

    @Test("the same death told twice counts once and is confirmed twice")
    func toldTwice() throws {
        let bench = try Bench()
        let (_, agent, _) = try bench.turnRunning()
        bench.die(Bench.agent, agent, death: .ownDoing)
        try bench.restart()
        bench.exit(Bench.agent, 1, death: .ownDoing)
        #expect(bench.exited == ["\(Bench.agent)|1", "\(Bench.agent)|1"])
        #expect(try bench.counts().deadLetters == 0)
        let next = bench.link(Bench.agent, incarnation: 2)
        #expect(bench.turns(next).count == 1)
    }

    @Test("after a death of its own doing with several turns in flight they run alone; the guilty one is a dead letter")
    func poison() throws {
        let bench = try Bench(config: Self.manyLanes())
        let channel = bench.link(Bench.channel)
        let first = bench.link(Bench.agent)
        say(bench, channel, ["1", "2", "3"])
        #expect(bench.turns(first).count == 3)
        bench.die(Bench.agent, first, death: .ownDoing)
        let second = bench.link(Bench.agent, incarnation: 2)
        let alone = bench.turns(second)
        #expect(alone.map(\.message.text) == ["from 1"])
        bench.done(second, alone[0].turnID)
        let guilty = bench.turns(second)
        #expect(guilty.map(\.message.text) == ["from 2"])
        _ = bench.take(channel)
        bench.die(Bench.agent, second, 2, death: .ownDoing)
        #expect(try bench.counts().deadLetters == 1)
        #expect(bench.logged("is a dead letter"))
        #expect(bench.sends(channel).map(\.content.text) == [Sentences.poisoned])
        let third = bench.link(Bench.agent, incarnation: 3)
        #expect(bench.turns(third).map(\.message.text) == ["from 3"])
        guard case .failed(let run, _)? = bench.published.last(where: { if case .failed = $0 { true } else { false } })
        else { return #expect(Bool(false)) }
        #expect(run.id == guilty[0].turnID)
    }

    @Test("a new message waits while a suspect runs alone")
    func nothingBesideSuspect() throws {
        let bench = try Bench(config: Self.manyLanes())
        let channel = bench.link(Bench.channel)
        let first = bench.link(Bench.agent)
        say(bench, channel, ["1"])
        bench.die(Bench.agent, first, death: .ownDoing)
        let second = bench.link(Bench.agent, incarnation: 2)
        let alone = bench.turns(second)
        say(bench, channel, ["2"])
        #expect(bench.turns(second).isEmpty)
        bench.done(second, alone[0].turnID)
        #expect(bench.turns(second).map(\.message.text) == ["from 2"])
    }

    @Test("unknown kills count to five, deaths on purpose do not count")
    func unknownKills() throws {
        let bench = try Bench()
        let (_, agent, _) = try bench.turnRunning()
        bench.die(Bench.agent, agent)
        for incarnation in 2...4 as ClosedRange<UInt64> {
            bench.die(Bench.agent, bench.link(Bench.agent, incarnation: incarnation), incarnation)
        }
        for incarnation in 5...9 as ClosedRange<UInt64> {
            bench.die(Bench.agent, bench.link(Bench.agent, incarnation: incarnation), incarnation, death: .uncounted)
        }
        #expect(try bench.counts().deadLetters == 0)
        bench.die(Bench.agent, bench.link(Bench.agent, incarnation: 10), 10)
        #expect(try bench.counts().deadLetters == 1)
    }

    @Test("a death releases nothing of a living incarnation and nothing of another worker")
    func fenced() throws {
        let bench = try Bench()
        let (_, agent, _) = try bench.turnRunning()
        bench.die(Bench.agent, agent)
        let next = bench.link(Bench.agent, incarnation: 2)
        #expect(bench.turns(next).count == 1)
        bench.exit(Bench.agent, 1)
        bench.exit("agent:other", 9)
        #expect(try bench.counts().turnsRunning == 1)
    }

    @Test("HELLO of an incarnation whose death was told is too late")
    func lateHello() throws {
        let bench = try Bench()
        let (_, agent, _) = try bench.turnRunning()
        bench.die(Bench.agent, agent)
        let ghost = bench.link(Bench.agent, incarnation: 1)
        #expect(bench.closed == [ghost])
        #expect(bench.turns(ghost).isEmpty)
    }

    @Test("claims older than the incarnation that lives are released even when nobody tells of the death")
    func sweep() throws {
        let bench = try Bench()
        let (_, agent, _) = try bench.turnRunning()
        bench.unlink(Bench.agent, agent)
        var row = WorkerRow(id: Bench.agent, kind: "agent")
        row.incarnation = 2
        row.state = "ready"
        bench.apply(.row(row))
        let next = bench.link(Bench.agent, incarnation: 2)
        bench.advance(1000)
        #expect(bench.turns(next).isEmpty)
        bench.advance(1000)
        #expect(bench.turns(next).map(\.attempt) == [2])
        #expect(bench.exited.isEmpty)
    }

    @Test("another start of the supervisor releases everything; what it sent is in doubt")
    func newEpoch() throws {
        let (bench, channel) = try SendTests.answered()
        #expect(bench.sends(channel).count == 1)
        bench.inbound(channel, key: "k2", seq: 2)
        bench.parse(channel) { _ in Bench.message("next") }
        bench.inbound(channel, key: "k3", seq: 3)
        try bench.restart(epoch: "two")
        let counts = try bench.counts()
        #expect(counts.outboxInflight == 0)
        #expect(counts.turnsRunning == 0)
        let again = bench.link(Bench.channel)
        let frames = bench.take(again)
        #expect(frames.contains { if case .send(let send) = $0 { send.inDoubt } else { false } })
        #expect(
            frames.contains {
                if case .normalize(let normalize) = $0 { normalize.raw == Data("k3".utf8) } else { false }
            }
        )
        let agent = bench.link(Bench.agent)
        #expect(bench.turns(agent).map(\.attempt) == [2])
    }

    @Test("five starts after kill -9 make a dead letter, five after a shutdown do not")
    func shutdownDoesNotCount() throws {
        let bench = try Bench()
        _ = try bench.turnRunning()
        for round in 1...6 {
            let epoch = "epoch \(round)"
            bench.apply(.drain(isShutdown: true, epoch: round == 1 ? "one" : "epoch \(round - 1)"))
            try bench.restart(epoch: epoch)
            bench.link(Bench.agent)
        }
        #expect(try bench.counts().turnsRunning == 1)
        for round in 7...11 {
            try bench.restart(epoch: "epoch \(round)")
            bench.link(Bench.agent)
        }
        #expect(try bench.counts().deadLetters == 1)
    }

    // MARK: Parsing and sending

    @Test("an event that kills its parser twice is a dead letter, and those beside it are parsed")
    func poisonEvent() throws {
        let bench = try Bench()
        let first = bench.link(Bench.channel)
        for index in 1...3 { bench.inbound(first, key: "k\(index)", seq: UInt64(index)) }
        bench.die(Bench.channel, first, death: .ownDoing)
        func asked(_ link: Int) -> [HubNormalize] {
            bench.take(link).compactMap { if case .normalize(let normalize) = $0 { normalize } else { nil } }
        }
        let second = bench.link(Bench.channel, incarnation: 2)
        #expect(asked(second).map(\.raw) == [Data("k1".utf8)])
        bench.die(Bench.channel, second, 2, death: .ownDoing)
        #expect(bench.logged("message k1 is a dead letter"))
        let third = bench.link(Bench.channel, incarnation: 3)
        for key in ["k2", "k3"] {
            let alone = asked(third)
            #expect(alone.map(\.raw) == [Data(key.utf8)])
            var parsed = HubNormalized()
            parsed.row = try #require(alone.first).row
            parsed.ignored = "an edit"
            bench.receive(Bench.channel, third, .normalized(parsed))
        }
        #expect(try bench.counts().inboxPending == 0)
        #expect(try bench.counts().deadLetters == 1)
    }

    @Test("an event that was parsed when the gateway died of its own doing twice is a dead letter")
    func poisonForGateway() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "k1")
        for incarnation in 1...2 as ClosedRange<UInt64> {
            try bench.restart()
            bench.exit("gateway", incarnation, death: .ownDoing, cause: "signal")
            bench.link(Bench.channel)
        }
        #expect(try bench.counts().deadLetters == 1)
        #expect(bench.exited.last == "gateway|2")
    }

    @Test("who writes to a quarantined agent is told once that it waits, and is answered when the agent is back")
    func quarantined() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        var row = WorkerRow(id: Bench.agent, kind: "agent")
        row.state = "quarantined"
        bench.inbound(channel, key: "one")
        bench.parse(channel)
        #expect(bench.sends(channel).isEmpty)
        bench.apply(.row(row))
        let told = bench.sends(channel)
        #expect(told.map(\.content.text) == [Sentences.waiting])
        #expect(bench.logged("1 conversations wait for agent:main"))
        for send in told { bench.result(channel, send.row) }
        bench.inbound(channel, key: "two", seq: 2)
        bench.parse(channel)
        #expect(bench.sends(channel).isEmpty, "the same conversation is told once")
        bench.inbound(channel, key: "three", seq: 3)
        bench.parse(channel) { _ in Bench.message(from: "2") }
        let other = bench.sends(channel)
        #expect(other.map { String(decoding: $0.target, as: UTF8.self) } == ["to 2"])
        for send in other { bench.result(channel, send.row) }
        // The probe dies: nobody is told again.
        let probe = bench.link(Bench.agent)
        #expect(bench.turns(probe).count == 1)
        bench.die(Bench.agent, probe)
        bench.apply(.row(row))
        #expect(bench.sends(channel).isEmpty)
        let agent = bench.link(Bench.agent, incarnation: 2)
        row.state = "ready"
        row.incarnation = 2
        bench.apply(.row(row))
        for _ in 0..<3 { for turn in bench.turns(agent) { bench.done(agent, turn.turnID) } }
        #expect(try bench.counts().turnsQueued == 0)
        #expect(bench.sends(channel).map(\.content.text) == ["an answer", "an answer"])
    }

    @Test("an agent that is parked answers its waiting messages with a sentence that says why")
    func parked() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        say(bench, channel, ["1"])
        bench.apply(.chat(token: 1, TurnTests.chat("a", key: "r1")))
        _ = bench.take(channel)
        var row = WorkerRow(id: Bench.agent, kind: "agent")
        row.state = "parked"
        row.text = "needs 40 MB more"
        bench.apply(.row(row))
        #expect(
            bench.sends(channel).map(\.content.text) == [
                "I cannot answer: agent:main is out of order: needs 40 MB more."
            ]
        )
        bench.apply(.chat(token: 2, TurnTests.chat("a", key: "r1")))
        #expect(bench.chats[2] == .failed("I cannot answer: agent:main is out of order: needs 40 MB more."))
    }

    @Test("what comes for an agent that is parked already is answered too")
    func parkedBefore() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        var row = WorkerRow(id: Bench.agent, kind: "agent")
        row.state = "parked"
        bench.apply(.row(row))
        say(bench, channel, ["1"])
        #expect(bench.sends(channel).map(\.content.text) == ["I cannot answer: agent:main is out of order."])
        #expect(bench.starts.isEmpty)
    }

    @Test("a death that was told before its link ended counts although the next life was quicker than that end")
    func overtaken() throws {
        let bench = try Bench()
        let (_, _, turn) = try bench.turnRunning()
        bench.exit(Bench.agent, 1, death: .ownDoing)
        #expect(bench.exited.isEmpty)
        let next = bench.link(Bench.agent, incarnation: 2)
        #expect(bench.exited == ["\(Bench.agent)|1"])
        let second = try #require(bench.turns(next).first)
        #expect(second.turnID == turn.turnID && second.attempt == 2)
        bench.die(Bench.agent, next, 2, death: .ownDoing)
        #expect(try bench.counts().deadLetters == 1)
    }

    @Test("a death that the journal could not take is journaled once it can", arguments: [true, false])
    func owed(isOpen: Bool) throws {
        let bench = try Bench()
        let (_, agent, _) = try bench.turnRunning()
        bench.refusal = isOpen ? .failed(code: 7, text: "out of memory") : .closed
        bench.die(Bench.agent, agent)
        bench.refusal = nil
        bench.advance(OwedCommits.every - 1)
        #expect(bench.exited.isEmpty)
        bench.advance(1)
        #expect(bench.exited == (isOpen ? ["\(Bench.agent)|1"] : []))
        let next = bench.link(Bench.agent, incarnation: 2)
        #expect(bench.turns(next).count == (isOpen ? 1 : 0))
    }

    @Test("a claim that the journal could not make is made once it can")
    func owedClaim() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        let notice = NewNotice(conversation: "1", target: [1], text: "hello")
        bench.together {
            bench.apply(.notify(channel: Bench.channel, notice, origin: "n"))
            bench.refusal = .overloaded
        }
        #expect(bench.sends(channel).isEmpty)
        bench.refusal = nil
        bench.advance(OwedCommits.every)
        #expect(bench.sends(channel).map(\.content.text) == ["hello"])
        var owed = OwedCommits()
        for _ in 0..<OwedCommits.most * 2 {
            owed.add(.workersWithWork, .overloaded, 1)
            owed.add(.owners, .overloaded, 1)
        }
        let counts = [1, 1 + OwedCommits.every, 1 + OwedCommits.every].map { owed.due($0).count }
        #expect(counts == [0, OwedCommits.most, 0])
    }

    @Test("deaths of workers read from EXIT blocks count by their cause")
    func blocks() {
        func death(_ cause: String, _ own: String) -> Death? {
            let block = Block(
                "EXIT",
                ["ID": "agent:main", "INCARNATION": "3", "CAUSE": cause, "OWN_DOING": own, "TEXT": "x"]
            )
            guard case .exit(let exit)? = LifelineWords.event(of: block) else { return nil }
            return exit.death
        }
        #expect(death("oom-own", "1") == .ownDoing)
        #expect(death("signal", "1") == .ownDoing)
        #expect(death("signal", "0") == .unknown)
        #expect(death("oom-host", "0") == .unknown)
        #expect(death("stopped", "0") == .uncounted)
        #expect(death("fatal", "0") == .uncounted)
        #expect(death("something new", "0") == .unknown)
        #expect(LifelineWords.event(of: Block("EXIT", ["ID": "agent:main", "INCARNATION": "-1"])) == nil)
        #expect(LifelineWords.event(of: Block("WORKER", ["ID": "agent:main"])) == nil)
    }
}
