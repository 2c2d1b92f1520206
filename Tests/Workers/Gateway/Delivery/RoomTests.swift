import Config
import FoundationEssentials
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("rooms")
struct RoomTests {
    private func bench(historyLimit: Int = 50) throws -> (bench: Bench, channel: Int, agent: Int) {
        var config = Bench.config()
        config.channels[0].groupPolicy = .open
        config.channels[0].groups = ["*": GroupAccess()]
        config.channels[0].historyLimit = historyLimit
        config.channels[0].reactionNotifications = "own"
        let bench = try Bench(config: config)
        return (bench, bench.link(Bench.channel), bench.link(Bench.agent))
    }

    private func say(_ bench: Bench, _ link: Int, _ text: String, id: Int, mentioned: Bool, group: String = "-100") {
        QueueModeTests.say(bench, link, text, id: id) {
            $0.chatType = .group
            $0.conversation = group
            $0.mentioned = mentioned
        }
    }

    @Test("what a group said since the last answer goes with the next turn, and an answer clears it")
    func history() throws {
        let (bench, channel, agent) = try bench()
        for id in 1...2 { say(bench, channel, "said \(id)", id: id, mentioned: false) }
        say(bench, channel, "elsewhere", id: 3, mentioned: false, group: "-200")
        #expect(bench.turns(agent).isEmpty)
        say(bench, channel, "bot?", id: 4, mentioned: true)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.history.map(\.text) == ["said 1", "said 2"])
        #expect(turn.history.allSatisfy { $0.replyTarget.isEmpty })
        bench.done(agent, turn.turnID)
        say(bench, channel, "again", id: 5, mentioned: true)
        let second = try #require(bench.turns(agent).first)
        #expect(second.history.isEmpty)
    }

    @Test("a turn that failed leaves what was said to the next; one that begins again is given the same")
    func failed() throws {
        let (bench, channel, agent) = try bench()
        say(bench, channel, "said", id: 1, mentioned: false)
        say(bench, channel, "bot?", id: 2, mentioned: true)
        #expect(bench.turns(agent).first?.history.count == 1)
        bench.die(Bench.agent, agent)
        try bench.restart()
        let line = bench.link(Bench.channel)
        let next = bench.link(Bench.agent, incarnation: 2)
        let again = try #require(bench.turns(next).first)
        #expect(again.history.map(\.text) == ["said"])
        bench.done(next, again.turnID, "sorry", status: .error)
        say(bench, line, "well?", id: 3, mentioned: true)
        #expect(bench.turns(next).first?.history.map(\.text) == ["said"])
    }

    @Test("a room remembers so many messages, none with a limit of 0")
    func limit() throws {
        let (bench, channel, agent) = try bench(historyLimit: 3)
        for id in 1...5 { say(bench, channel, "\(id)", id: id, mentioned: false) }
        say(bench, channel, "bot?", id: 6, mentioned: true)
        #expect(bench.turns(agent).first?.history.map(\.text) == ["3", "4", "5"])
        let (none, line, mind) = try self.bench(historyLimit: 0)
        say(none, line, "x", id: 1, mentioned: false)
        say(none, line, "bot?", id: 2, mentioned: true)
        #expect(none.turns(mind).first?.history.isEmpty == true)
    }

    @Test("of more than a thousand rooms those that were quiet for longest are forgotten")
    func rooms() throws {
        let (bench, _, _) = try bench()
        func heard(_ room: Int) throws {
            let heard = Heard(kind: .said, room: "\(room)", body: [1], limit: 5)
            bench.now += 1
            _ = try bench.journal.keep(heard, row: Int64(room), channel: "c", conversation: "x", now: bench.now)
        }
        for room in 1...1005 { try heard(room) }
        let rooms = try bench.journal.database.rows("SELECT room FROM heard ORDER BY row") { $0.text(0) }
        #expect(rooms.count == 1000 && rooms.first == "6")
    }

    @Test("a reaction to the bot's own message is told with the next turn, one to somebody else's is not")
    func reactions() throws {
        let (bench, channel, agent) = try bench()
        say(bench, channel, "bot?", id: 1, mentioned: true)
        let turn = try #require(bench.turns(agent).first)
        bench.done(agent, turn.turnID, "answer")
        let sent = try #require(bench.sends(channel).first)
        bench.result(channel, sent.row)
        for (id, about) in [(2, "m\(sent.row)"), (3, "17")] {
            QueueModeTests.say(bench, channel, "Ada reacted to \(about)", id: id) {
                $0.chatType = .group
                $0.conversation = "-100"
                $0.kind = .reaction
                $0.mentioned = true
                $0.reply.messageID = about
            }
        }
        #expect(bench.turns(agent).isEmpty)
        say(bench, channel, "more", id: 4, mentioned: true)
        #expect(bench.turns(agent).first?.happened == ["Ada reacted to m\(sent.row)"])
    }
}
