import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

/// The gateway dies at every place of the contract; workers live, keep what they owe and say HELLO again.
@Suite("the gateway dies")
struct RestartTests {
    static let places = [
        "inbound.before-commit", "inbound.after-commit", "normalize.before-commit", "normalize.after-commit",
        "normalized.before-commit", "normalized.after-commit", "claim.before-commit", "claim.after-commit",
        "turn.after-frame", "tool-open.before-commit", "tool-open.after-commit", "tool-close.before-commit",
        "tool-close.after-commit", "done.before-commit", "done.after-commit", "send.before-commit", "send.after-commit",
        "send.after-frame", "result.before-commit", "result.after-commit",
    ]

    @Test("at any place: one turn, one delivery, nothing in doubt, nothing left over", arguments: places)
    func anywhere(place: String) throws {
        let world = try World(dieAt: place)
        world.settle()
        #expect(world.bench.isDead, "the place was never reached")
        try world.bench.restart()
        world.relink()
        world.settle()
        #expect(world.delivered == ["an answer"])
        #expect(world.turnsRun.count == 1)
        #expect(world.toolsRun == ["one"])
        #expect(world.bench.logs.allSatisfy { !$0.text.contains("twice") && !$0.text.contains("ignored") })
        #expect(try world.bench.counts() == JournalCounts())
        let attempts = try world.bench.journal.database.rows("SELECT attempts FROM turns") { $0.count(0) }
        #expect(attempts == [1])
    }

    @Test("chat.send before its commit leaves nothing; after it, the same key is in flight", arguments: [false, true])
    func chat(isAfter: Bool) throws {
        let bench = try Bench()
        bench.dieAt = isAfter ? "chat-send.after-commit" : "chat-send.before-commit"
        bench.apply(.chat(token: 1, TurnTests.chat("a", key: "r1")))
        #expect(bench.isDead)
        #expect(bench.chats[1] == nil)
        try bench.restart()
        bench.apply(.chat(token: 2, TurnTests.chat("a", key: "r1")))
        #expect(bench.chats[2] == (isAfter ? .inFlight : .started))
        let agent = bench.link(Bench.agent)
        #expect(bench.turns(agent).count == 1)
    }
}

/// A channel and an agent that keep the contract, over links that die with the gateway.
private final class World {
    let bench: Bench
    private var channel = 0
    private var agent = 0
    // The channel's ledger.
    private var unsent = ["k1"]
    private var results: [UInt64: HubSendResult] = [:]
    private var taken: Set<UInt64> = []
    private(set) var delivered: [String] = []
    // The agent's.
    private(set) var turnsRun: Set<String> = []
    private(set) var toolsRun: [String] = []
    private var running: String?
    private var ended: HubTurnDone?
    private var wantsOpen = false
    private var wantsClose = false

    init(dieAt place: String) throws {
        bench = try Bench()
        bench.dieAt = place
        relink()
    }

    func relink() {
        channel = bench.link(Bench.channel) { hello in
            hello.unackedResults = results.values.sorted { $0.row < $1.row }
        }
        agent = bench.link(Bench.agent) { hello in
            hello.runningTurns = running.map { [$0] } ?? []
            hello.unackedTurns = ended.map { [$0] } ?? []
        }
        for key in unsent { bench.inbound(channel, key: key) }
        tell()
    }

    /// Answers frames until there are none, or the gateway is dead.
    func settle() {
        for _ in 1...50 {
            let frames = bench.take(channel).map { (true, $0) } + bench.take(agent).map { (false, $0) }
            // What was written before the gateway died is read to its end.
            for (isChannel, frame) in frames { isChannel ? channel(frame) : agent(frame) }
            if bench.isDead { return }
        }
    }

    private func channel(_ frame: HubMessage) {
        switch frame {
        case .inboundAck: unsent = []
        case .normalize(let asked):
            var parsed = HubNormalized()
            parsed.row = asked.row
            parsed.message = Bench.message()
            bench.receive(Bench.channel, channel, .normalized(parsed))
        case .send(let send):
            guard taken.insert(send.row).inserted else { break }
            delivered.append(send.content.text)
            results[send.row] = Bench.delivered(send.row)
            bench.result(channel, send.row)
        case .resultAck(let ack): results[ack.row] = nil
        default: break
        }
    }

    private func agent(_ frame: HubMessage) {
        switch frame {
        case .turn(let turn):
            guard turnsRun.insert(turn.turnID).inserted else { break }
            running = turn.turnID
            wantsOpen = true
            tell()
        case .toolOpened:
            guard wantsOpen else { break }
            wantsOpen = false
            toolsRun.append("one")
            wantsClose = true
            tell()
        case .toolClosed:
            guard wantsClose, let running else { break }
            wantsClose = false
            ended = Bench.ended(running)
            self.running = nil
            tell()
        case .doneAck: ended = nil
        default: break
        }
    }

    /// Says again what the gateway has not acknowledged.
    private func tell() {
        if let running {
            var call = HubToolCall()
            call.turnID = running
            call.callID = "one"
            if wantsOpen { bench.receive(Bench.agent, agent, .toolOpen(call)) }
            if wantsClose { bench.receive(Bench.agent, agent, .toolClose(call)) }
        }
        if let ended { bench.receive(Bench.agent, agent, .done(ended)) }
    }
}
