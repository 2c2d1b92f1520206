import Config
import FoundationEssentials
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("queue modes")
struct QueueModeTests {
    static func bench(_ mode: String, _ change: (inout GatewayConfig) -> Void = { _ in }) throws -> Bench {
        var config = Bench.config()
        config.queue.mode = mode
        change(&config)
        return try Bench(config: config)
    }

    /// A message of the network up to its verdict.
    static func say(
        _ bench: Bench,
        _ link: Int,
        _ text: String,
        id: Int,
        _ fill: (inout HubChatMessage) -> Void = { _ in }
    ) {
        bench.inbound(link, key: "m\(id)")
        bench.parse(link) { _ in
            var message = Bench.message(text)
            message.messageID = "\(id)"
            fill(&message)
            return message
        }
    }

    @Test("collect: what comes while a turn runs is one turn after it, once it has been quiet for a second")
    func collect() throws {
        let bench = try Self.bench("collect")
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        Self.say(bench, channel, "three", id: 3)
        bench.done(agent, first.turnID)
        #expect(bench.turns(agent).isEmpty)
        bench.advance(999)
        #expect(bench.turns(agent).isEmpty)
        bench.advance(1)
        let turn = try #require(bench.turns(agent).first)
        #expect(
            turn.message.text == """
                [Queued messages while agent was busy]

                ---
                Queued #1
                two
                [message_id: 2]

                ---
                Queued #2
                three
                [message_id: 3]
                """
        )
        #expect(turn.message.messageID == "3")
        bench.done(agent, turn.turnID, "both")
        bench.advance(5000)
        #expect(bench.turns(agent).isEmpty)
        #expect(try bench.counts().turnsQueued == 0)
    }

    @Test("what was collected is the same again after the agent died and the gateway started anew")
    func collectAgain() throws {
        let bench = try Self.bench("collect")
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        Self.say(bench, channel, "three", id: 3)
        bench.done(agent, first.turnID)
        bench.advance(1000)
        let turn = try #require(bench.turns(agent).first)
        bench.die(Bench.agent, agent)
        try bench.restart()
        let next = bench.link(Bench.agent, incarnation: 2)
        let again = try #require(bench.turns(next).first)
        #expect(again.turnID == turn.turnID && again.message == turn.message && again.attempt == 2)
    }

    @Test("messages of several conversations of one lane are answered one by one, each where it came from")
    func places() throws {
        let bench = try Self.bench("collect")
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        Self.say(bench, channel, "three", id: 3) {
            $0.senderID = "2"
            $0.conversation = "2"
        }
        bench.done(agent, first.turnID)
        bench.advance(1000)
        let second = try #require(bench.turns(agent).first)
        #expect(second.message.text == "two")
        bench.done(agent, second.turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["three"])
    }

    @Test("followup: one turn per message, in order; a command is never collected")
    func followup() throws {
        let bench = try Self.bench("followup")
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        Self.say(bench, channel, "three", id: 3)
        bench.done(agent, first.turnID)
        let second = try #require(bench.turns(agent).first)
        #expect(second.message.text == "two")
        bench.done(agent, second.turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["three"])

        let other = try Self.bench("collect")
        let (line, mind, running) = try other.turnRunning()
        for (id, text) in [(2, "two"), (3, "/status"), (4, "four")] { Self.say(other, line, text, id: id) }
        other.done(mind, running.turnID)
        other.advance(1000)
        var texts: [String] = []
        while let turn = other.turns(mind).first {
            texts.append(turn.message.text)
            other.done(mind, turn.turnID)
        }
        #expect(texts == ["two", "/status", "four"])
    }

    @Test("interrupt: the running turn is told to stop, what waits is ended, the newest runs next")
    func interrupt() throws {
        let bench = try Self.bench("interrupt")
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        Self.say(bench, channel, "three", id: 3)
        let interrupts = bench.take(agent).compactMap { if case .interrupt(let frame) = $0 { frame } else { nil } }
        #expect(interrupts.map(\.turnID).first == first.turnID)
        bench.done(agent, first.turnID, "", status: .aborted)
        #expect(bench.turns(agent).map(\.message.text) == ["three"])
        #expect(try bench.counts().turnsQueued == 0)
    }

    @Test("a network's own mode counts more than the general one")
    func byChannel() throws {
        let bench = try Self.bench("collect") { $0.queue.modeByChannel = ["telegram": "followup"] }
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        bench.done(agent, first.turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["two"])
    }

    @Test("summarize: the oldest goes when too much waits, and the next turn says what was dropped")
    func summarize() throws {
        let bench = try Self.bench("collect") { $0.queue.cap = 2 }
        let (channel, agent, first) = try bench.turnRunning()
        for id in 2...5 { Self.say(bench, channel, "text \(id)", id: id) }
        bench.done(agent, first.turnID)
        bench.advance(1000)
        let turn = try #require(bench.turns(agent).first)
        #expect(
            turn.message.text.hasPrefix(
                "[Queue overflow] Dropped 2 messages due to cap.\n- text 2\n- text 3\n\n[Queued"
            )
        )
        #expect(turn.message.text.contains("text 4") && turn.message.text.contains("text 5"))
        bench.done(agent, turn.turnID)
        Self.say(bench, channel, "later", id: 6)
        #expect(bench.turns(agent).map(\.message.text) == ["later"])
    }

    @Test("old drops the oldest without a word, new the newcomer", arguments: ["old", "new"])
    func drops(drop: String) throws {
        let bench = try Self.bench("followup") {
            $0.queue.cap = 1
            $0.queue.drop = drop
        }
        let (channel, agent, first) = try bench.turnRunning()
        Self.say(bench, channel, "two", id: 2)
        Self.say(bench, channel, "three", id: 3)
        bench.done(agent, first.turnID)
        #expect(bench.turns(agent).map(\.message.text) == [drop == "old" ? "three" : "two"])
        var filter = QueueFilter()
        filter.states = [.dropped]
        #expect(try bench.journal.queueItems(filter).map(\.text) == [drop == "old" ? "two" : "three"])
        let ignored = try bench.journal.ignored(of: [Bench.channel], limit: 9)
        #expect(ignored.map(\.note.code) == ["dropped"])
        #expect(ignored.first?.note.reason.contains("messages.queue.cap") == true)
    }

    @Test("messages that are too old for their turn are told to the owner, once for all of them")
    func expired() throws {
        let bench = try Self.bench("followup") { $0.alerts.enabled = true }
        let (channel, agent, first) = try bench.turnRunning()
        for id in 2...3 { Self.say(bench, channel, "text \(id)", id: id) }
        bench.advance(Int64(bench.config.queue.maxAgeHours + 1) * 3_600_000)
        bench.done(agent, first.turnID)
        bench.advance(bench.limits.quiet)
        var told: [String] = []
        for _ in 0..<4 {
            for send in bench.sends(channel) {
                told.append(send.content.text)
                bench.result(channel, send.row)
            }
        }
        let alerts = told.filter {
            $0.contains("2 messages waited for more than") && $0.contains("clawhold queue list")
        }
        #expect(alerts.count == 1, "\(told)")
    }

    @Test("chat.send takes the same way: collected runs end with the one that answers them")
    func webchat() throws {
        let bench = try Self.bench("collect")
        let agent = bench.link(Bench.agent)
        func chat(_ token: Int, _ key: String) {
            bench.apply(
                .chat(
                    token: token,
                    ChatSend(sessionKey: "main", text: "say \(key)", idempotencyKey: key, timestampMilliseconds: 1)
                )
            )
        }
        chat(1, "a")
        let first = try #require(bench.turns(agent).first)
        chat(2, "b")
        chat(3, "c")
        bench.done(agent, first.turnID)
        bench.advance(1000)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.runID == "b" && turn.message.text.contains("say c"))
        chat(4, "c")
        #expect(bench.chats[4] == .inFlight)
        bench.done(agent, turn.turnID)
        chat(5, "c")
        #expect(bench.chats[5] == .finished)
        let ended = bench.published.compactMap { event in
            if case .finished(let run, _, _, _) = event { run.id } else { nil }
        }
        #expect(ended == ["a", "c", "b"])
    }

    @Test("/stop ends what runs, what waits and what is being gathered")
    func stop() throws {
        let bench = try Self.bench("collect") { $0.queue.inboundDebounceMilliseconds = 2000 }
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        Self.say(bench, channel, "one", id: 1)
        bench.advance(2000)
        #expect(bench.turns(agent).count == 1)
        Self.say(bench, channel, "two", id: 2)
        bench.advance(2000)
        Self.say(bench, channel, "three", id: 3)
        Self.say(bench, channel, "/stop", id: 4)
        #expect(try bench.counts().turnsQueued == 0)
        let interrupts = bench.take(agent).compactMap { if case .interrupt(let frame) = $0 { frame } else { nil } }
        #expect(interrupts.count == 1)
    }

    @Test("one slow turn keeps nobody else waiting, and a channel full of unanswered chunks still reads /stop")
    func lanes() throws {
        let bench = try Self.bench("followup") { $0.session.dmScope = .perPeer }
        let (channel, agent, _) = try bench.turnRunning()
        bench.inbound(channel, key: "other")
        bench.parse(channel) { _ in Bench.message("hi", from: "2") }
        #expect(bench.turns(agent).map(\.message.text) == ["hi"])
        // Sixteen conversations have a chunk that their network sits on.
        for index in 0..<20 {
            let notice = NewNotice(conversation: "c\(index)", target: [], text: "x")
            bench.apply(.notify(channel: Bench.channel, notice, origin: "o\(index)"))
        }
        #expect(bench.sends(channel).count == 16)
        Self.say(bench, channel, "/stop", id: 9)
        #expect(bench.take(agent).contains { if case .interrupt = $0 { true } else { false } })
    }
}
