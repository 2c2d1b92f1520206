import Config
import FoundationEssentials
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("gathering")
struct GatheringTests {
    private func picture(_ name: String) -> HubMedia {
        var media = HubMedia()
        media.kind = .image
        media.name = name
        return media
    }

    private func links(_ bench: Bench) -> (channel: Int, agent: Int) {
        (bench.link(Bench.channel), bench.link(Bench.agent))
    }

    @Test("an album is one turn with all pictures and the caption, half a second after its last one")
    func album() throws {
        let bench = try Bench()
        let (channel, agent) = links(bench)
        for id in 1...3 {
            QueueModeTests.say(bench, channel, id == 1 ? "look" : "", id: id) {
                $0.album = "a"
                $0.media = [picture("\(id)")]
            }
            bench.advance(400)
        }
        #expect(bench.turns(agent).isEmpty)
        #expect(try bench.counts().turnsQueued == 3)
        bench.advance(100)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.message.text == "look" && turn.message.media.map(\.name) == ["1", "2", "3"])
        #expect(turn.message.messageID == "1")
        #expect(bench.turns(agent).isEmpty)
    }

    @Test("two albums one after another are two turns")
    func albums() throws {
        let bench = try Bench()
        let (channel, agent) = links(bench)
        for (id, album) in [(1, "a"), (2, "a"), (3, "b")] {
            QueueModeTests.say(bench, channel, "", id: id) {
                $0.album = album
                $0.media = [picture("\(id)")]
            }
        }
        let first = try #require(bench.turns(agent).first)
        #expect(first.message.media.count == 2)
        bench.done(agent, first.turnID)
        bench.advance(500)
        #expect(bench.turns(agent).map(\.message.media.count) == [1])
    }

    @Test("a long paste is put together again; a short text that follows by chance is not its part")
    func paste() throws {
        let bench = try Bench()
        let (channel, agent) = links(bench)
        let long = String(repeating: "a", count: 4000)
        QueueModeTests.say(bench, channel, long, id: 10)
        QueueModeTests.say(bench, channel, "bbb", id: 11)
        bench.advance(1499)
        #expect(bench.turns(agent).isEmpty)
        bench.advance(1)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.message.text == long + "bbb" && turn.message.messageID == "11")
        bench.done(agent, turn.turnID)
        QueueModeTests.say(bench, channel, long, id: 20)
        QueueModeTests.say(bench, channel, "ccc", id: 22)
        let first = try #require(bench.turns(agent).first)
        #expect(first.message.text == long)
        bench.done(agent, first.turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["ccc"])
    }

    @Test("a paste is bounded in parts and in size, and what goes beyond begins the next turn")
    func pasteBounds() throws {
        let bench = try Bench()
        let (channel, agent) = links(bench)
        for id in 1...13 { QueueModeTests.say(bench, channel, String(repeating: "a", count: 4000), id: id) }
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.message.text.utf8.count == 48_000)
        let other = try Bench()
        let (line, mind) = links(other)
        for id in 1...3 { QueueModeTests.say(other, line, String(repeating: "a", count: 20_000), id: id) }
        #expect(other.turns(mind).map(\.message.text.utf8.count) == [40_000])
    }

    @Test("rapid lines of one sender become one turn; a command and a file go at once, behind what was said before")
    func rapid() throws {
        var config = Bench.config()
        config.queue.inboundDebounceByChannel = ["telegram": 1000]
        let bench = try Bench(config: config)
        let (channel, agent) = links(bench)
        QueueModeTests.say(bench, channel, "a", id: 1)
        bench.advance(900)
        QueueModeTests.say(bench, channel, "b", id: 2)
        bench.advance(900)
        #expect(bench.turns(agent).isEmpty)
        bench.advance(100)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.message.text == "a\nb" && turn.message.messageID == "2")
        bench.done(agent, turn.turnID)
        QueueModeTests.say(bench, channel, "c", id: 3)
        QueueModeTests.say(bench, channel, "/status", id: 4)
        let third = try #require(bench.turns(agent).first)
        #expect(third.message.text == "c")
        bench.done(agent, third.turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["/status"])
    }

    @Test("somebody who never stops typing is answered all the same")
    func endless() throws {
        var config = Bench.config()
        config.queue.inboundDebounceMilliseconds = 1000
        let bench = try Bench(config: config)
        let (channel, agent) = links(bench)
        for id in 1...12 {
            QueueModeTests.say(bench, channel, "\(id)", id: id)
            bench.advance(900)
        }
        #expect(!bench.turns(agent).isEmpty)
    }

    @Test("kill -9 while something is being gathered loses none of it and doubles none of it")
    func death() throws {
        let bench = try Bench()
        let (channel, _) = links(bench)
        for id in 1...2 {
            QueueModeTests.say(bench, channel, "", id: id) {
                $0.album = "a"
                $0.media = [picture("\(id)")]
            }
        }
        bench.now += 60_000
        try bench.restart()
        let (again, agent) = links(bench)
        bench.inbound(again, key: "m2")
        bench.parse(again)
        let turns = bench.turns(agent)
        #expect(turns.map(\.message.media.count) == [2])
        // Before it was due it goes on waiting.
        let other = try Bench()
        let (line, _) = links(other)
        QueueModeTests.say(other, line, "", id: 1) { $0.album = "a" }
        try other.restart()
        let (_, mind) = links(other)
        #expect(other.turns(mind).isEmpty)
        #expect(other.wakes.last == other.now + 500)
        other.advance(500)
        #expect(other.turns(mind).count == 1)
    }
}
