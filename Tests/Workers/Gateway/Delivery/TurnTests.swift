import Config
import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

@Suite("turns")
struct TurnTests {
    private func say(_ bench: Bench, _ link: Int, _ texts: [(text: String, sender: String)]) {
        for (index, entry) in texts.enumerated() {
            bench.inbound(link, key: "k\(index)", seq: UInt64(index + 1))
            bench.parse(link) { _ in Bench.message(entry.text, from: entry.sender) }
        }
    }

    private static func perPeer() -> GatewayConfig {
        var config = Bench.config()
        config.session.dmScope = .perPeer
        return config
    }

    @Test("one conversation is one lane: the second message waits for the first one's end")
    func lane() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        say(bench, channel, [("first", "1"), ("second", "1")])
        let first = bench.turns(agent)
        #expect(first.map(\.message.text) == ["first"])
        bench.done(agent, first[0].turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["second"])
    }

    @Test("no more turns run than maxConcurrent, over all conversations, in the order in which they came")
    func concurrency() throws {
        var config = Self.perPeer()
        config.maxConcurrent = 2
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        say(bench, channel, [("a", "1"), ("b", "2"), ("c", "3")])
        let running = bench.turns(agent)
        #expect(running.map(\.message.text) == ["a", "b"])
        bench.done(agent, running[1].turnID)
        #expect(bench.turns(agent).map(\.message.text) == ["c"])
    }

    @Test("an agent that is not there is asked for every five seconds until it comes")
    func demand() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        say(bench, channel, [("a", "1")])
        #expect(bench.starts == [Bench.agent])
        bench.advance(1000)
        #expect(bench.starts.count == 1)
        bench.advance(4000)
        #expect(bench.starts.count == 2)
        let agent = bench.link(Bench.agent)
        #expect(bench.turns(agent).count == 1)
        bench.advance(6000)
        #expect(bench.starts.count == 2)
    }

    @Test("a draining agent is given nothing; the one that follows it gets the turn")
    func draining() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        var row = WorkerRow(id: Bench.agent, kind: "agent")
        row.incarnation = 1
        row.state = "draining"
        bench.apply(.row(row))
        say(bench, channel, [("a", "1")])
        #expect(bench.turns(agent).isEmpty)
        bench.die(Bench.agent, agent, death: .uncounted)
        let next = bench.link(Bench.agent, incarnation: 2)
        row.incarnation = 2
        row.state = "ready"
        bench.apply(.row(row))
        #expect(bench.turns(next).map(\.attempt) == [1])
    }

    @Test("a turn whose agent lives and does not list it was never received: sent again, not counted")
    func neverReceived() throws {
        let bench = try Bench()
        let (_, agent, turn) = try bench.turnRunning()
        bench.unlink(Bench.agent, agent)
        let again = bench.link(Bench.agent)
        #expect(bench.turns(again) == [turn])
        #expect(turn.attempt == 1)
    }

    @Test("a turn that HELLO lists goes on, and its text begins anew with replace")
    func livesOn() throws {
        let bench = try Bench()
        let (_, agent, turn) = try bench.turnRunning()
        bench.receive(Bench.agent, agent, .turnEvent(Self.text(turn.turnID, 1, "half an")))
        try bench.restart()
        let again = bench.link(Bench.agent) { $0.runningTurns = [turn.turnID] }
        #expect(bench.turns(again).isEmpty)
        bench.receive(Bench.agent, again, .turnEvent(Self.text(turn.turnID, 1, "half an answer", replace: true)))
        guard case .text(_, let text, _, let replaced)? = bench.published.last else { return #expect(Bool(false)) }
        #expect(text == "half an answer")
        #expect(replaced)
        bench.done(again, turn.turnID, "half an answer and the rest")
        #expect(try bench.counts().outboxPending == 1)
    }

    @Test("an end that was not acknowledged is taken from HELLO, and acknowledged")
    func unackedEnd() throws {
        let bench = try Bench()
        let (_, _, turn) = try bench.turnRunning()
        try bench.restart()
        let again = bench.link(Bench.agent) { $0.unackedTurns = [Bench.ended(turn.turnID)] }
        #expect(bench.take(again).contains(.doneAck(.with { $0.turnID = turn.turnID })))
        #expect(try bench.counts().outboxPending == 1)
        #expect(try bench.counts().turnsRunning == 0)
    }

    @Test("an end that comes twice is acknowledged twice and answered once")
    func doneTwice() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        _ = bench.take(channel)
        bench.done(agent, turn.turnID)
        bench.done(agent, turn.turnID)
        let acks = bench.take(agent).filter { $0 == .doneAck(.with { $0.turnID = turn.turnID }) }
        #expect(acks.count == 2)
        #expect(bench.sends(channel).count == 1)
    }

    @Test("a turn that nobody knows is acknowledged so that the agent forgets it, and said in the log")
    func unknownEnd() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        _ = bench.take(agent)
        bench.done(agent, "nobody's")
        #expect(bench.take(agent) == [.doneAck(.with { $0.turnID = "nobody's" })])
        #expect(bench.logged("which is not in its hands"))
    }

    @Test("an agent cannot end, feed or extend another agent's turn")
    func otherAgent() throws {
        var config = Bench.config()
        config.agents.append(AgentRoute(id: "spy"))
        let bench = try Bench(config: config)
        let (_, _, turn) = try bench.turnRunning()
        let spy = bench.link("agent:spy")
        bench.receive("agent:spy", spy, .done(Bench.ended(turn.turnID, "lies")))
        bench.receive("agent:spy", spy, .turnEvent(Self.text(turn.turnID, 1, "lies")))
        var call = HubToolCall()
        call.turnID = turn.turnID
        call.callID = "c"
        bench.receive("agent:spy", spy, .toolOpen(call))
        #expect(try bench.counts().turnsRunning == 1)
        #expect(bench.published.isEmpty)
        #expect(try bench.journal.toolCalls(of: turn.turnID).isEmpty)
        let again = bench.link("agent:spy", incarnation: 2) { $0.runningTurns = [turn.turnID] }
        #expect(
            bench.take(again).contains(
                .interrupt(
                    .with {
                        $0.turnID = turn.turnID
                        $0.reason = "stop"
                    }
                )
            )
        )
        #expect(try bench.counts().turnsRunning == 1)
    }

    @Test("a tool call has its row before it starts, and the next attempt is told which ones have no result")
    func tools() throws {
        let bench = try Bench()
        let (_, agent, turn) = try bench.turnRunning()
        for id in ["one", "two"] {
            var call = HubToolCall()
            call.turnID = turn.turnID
            call.callID = id
            call.name = "session_status"
            call.arguments = Data("{}".utf8)
            call.readOnly = id == "one"
            bench.receive(Bench.agent, agent, .toolOpen(call))
            bench.receive(Bench.agent, agent, .toolOpen(call))
        }
        var closed = HubToolCall()
        closed.turnID = turn.turnID
        closed.callID = "one"
        closed.result.text = "fine"
        bench.receive(Bench.agent, agent, .toolClose(closed))
        closed.callID = "never opened"
        bench.receive(Bench.agent, agent, .toolClose(closed))
        let acks = bench.take(agent).map(\.type)
        #expect(acks == [35, 35, 35, 35, 37])
        bench.die(Bench.agent, agent)
        let next = bench.link(Bench.agent, incarnation: 2)
        let again = try #require(bench.turns(next).first)
        #expect(again.attempt == 2)
        #expect(again.toolCalls.map(\.callID) == ["one", "two"])
        #expect(again.toolCalls.map(\.hasResult) == [true, false])
        #expect(again.toolCalls[0].result.text == "fine")
        #expect(again.toolCalls.map(\.readOnly) == [true, false])
    }

    @Test("without a provider a channel's turn carries the sentence, and WebChat gets the demonstration model")
    func demoOnlyInWebChat() throws {
        var config = Bench.config()
        config.agents[0].model.primary = ModelRef(model: "", unavailable: "No model is configured.")
        config.demoModel = ModelRef(model: "demo/demo", worker: "model:demo")
        let bench = try Bench(config: config)
        let (_, agent, turn) = try bench.turnRunning()
        #expect(turn.modelWorker.isEmpty)
        #expect(turn.unavailable == "No model is configured.")
        bench.apply(.chat(token: 1, Self.chat("x", key: "key")))
        bench.done(agent, turn.turnID)
        let web = try #require(bench.turns(agent).first)
        #expect(web.modelWorker == "model:demo")
        #expect(web.unavailable.isEmpty)
        #expect(web.channel == "webchat")
    }

    @Test("a failed turn tells its sender the sentence and the log the cause")
    func failedTurn() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        _ = bench.take(channel)
        var done = Bench.ended(turn.turnID, "The model is overloaded.", .error)
        done.cause = "529 overloaded_error"
        bench.receive(Bench.agent, agent, .done(done))
        #expect(bench.sends(channel).map(\.content.text) == ["The model is overloaded."])
        #expect(bench.logged("529 overloaded_error"))
    }

    @Test(
        "a model that has nothing to say sends nothing",
        arguments: ["NO_REPLY", " NO_REPLY\n", "So: NO_REPLY", "", "\n"]
    )
    func silent(text: String) throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        _ = bench.take(channel)
        bench.done(agent, turn.turnID, text)
        #expect(bench.sends(channel).isEmpty)
        #expect(try bench.counts() == JournalCounts())
    }

    @Test("activity is shown when a channel's turn begins and every five seconds while it runs")
    func activity() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        func shown() -> Int { bench.take(channel).filter { $0.type == 24 }.count }
        #expect(shown() == 1)
        bench.advance(4000)
        #expect(shown() == 0)
        bench.advance(1000)
        #expect(shown() == 1)
        bench.done(agent, turn.turnID)
        _ = shown()
        bench.advance(5000)
        #expect(shown() == 0)
    }

    @Test("a turn of which nothing comes for two minutes is shown as working no more, until something comes")
    func activityStops() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        func shown() -> Int { bench.take(channel).filter { $0.type == 24 }.count }
        for _ in 0..<23 { bench.advance(5000) }
        #expect(shown() == 24)
        for _ in 0..<10 { bench.advance(5000) }
        #expect(shown() == 0)
        bench.receive(Bench.agent, agent, .turnEvent(Self.text(turn.turnID, 1, "x")))
        bench.advance(5000)
        #expect(shown() == 1)
    }

    @Test("text is told cumulatively, old news not at all, and no more than the bound is kept")
    func textBound() throws {
        var limits = DeliveryLimits()
        limits.textBytes = 8
        let bench = try Bench(limits: limits)
        let (_, agent, turn) = try bench.turnRunning()
        for (seq, text) in [(1, "abc"), (2, "def"), (2, "again"), (1, "older"), (3, "ghijk"), (4, "more")] {
            bench.receive(Bench.agent, agent, .turnEvent(Self.text(turn.turnID, UInt64(seq), text)))
        }
        let texts = bench.published.compactMap { if case .text(_, let text, _, _) = $0 { text } else { nil } }
        #expect(texts == ["abc", "abcdef", "abcdefgh"])
    }

    static func text(_ turnID: String, _ seq: UInt64, _ text: String, replace: Bool = false) -> HubTurnEvent {
        var event = HubTurnEvent()
        event.turnID = turnID
        event.seq = seq
        event.text = text
        event.replace = replace
        return event
    }

    static func chat(_ text: String, key: String, session: String = "main") -> ChatSend {
        ChatSend(sessionKey: session, text: text, idempotencyKey: key, timestampMilliseconds: 1)
    }
}

@Suite("stopping")
struct StopTests {
    @Test("/stop bypasses the lane: the running turn is interrupted, waiting ones end, the sender is told")
    func stopWord() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        bench.inbound(channel, key: "k2", seq: 2)
        bench.parse(channel) { _ in Bench.message("waiting") }
        bench.inbound(channel, key: "k3", seq: 3)
        bench.parse(channel) { _ in Bench.message("/STOP@my_bot ") }
        #expect(
            bench.take(agent).last
                == .interrupt(
                    .with {
                        $0.turnID = turn.turnID
                        $0.reason = "stop"
                    }
                )
        )
        #expect(bench.sends(channel).map(\.content.text) == [Sentences.stopped])
        #expect(try bench.counts().turnsQueued == 0)
        bench.done(agent, turn.turnID, "", status: .aborted)
        #expect(try bench.counts().turnsRunning == 0)
        #expect(bench.sends(channel).isEmpty)
    }

    @Test("a stop word of somebody who may not talk stops nothing")
    func strangerCannotStop() throws {
        let bench = try Bench()
        let (channel, agent, _) = try bench.turnRunning()
        bench.inbound(channel, key: "k3", seq: 3)
        bench.parse(channel) { _ in Bench.message("/stop", from: "99") }
        #expect(bench.take(agent).allSatisfy { $0.type != 40 })
        #expect(try bench.counts().turnsRunning == 1)
    }

    @Test("abort by run names its run, and a run of another session is the caller's mistake")
    func abortRun() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        bench.apply(.chat(token: 1, TurnTests.chat("a", key: "r1")))
        bench.apply(.chat(token: 2, TurnTests.chat("b", key: "r2")))
        let turn = try #require(bench.turns(agent).first)
        bench.apply(.stop(token: 3, sessionKey: "other", runID: "r1", reason: "rpc"))
        #expect(bench.stops[3] == .failure(.invalid("runId does not match sessionKey")))
        bench.apply(.stop(token: 4, sessionKey: "main", runID: "nobody", reason: "rpc"))
        #expect(bench.stops[4] == .success([]))
        bench.apply(.stop(token: 5, sessionKey: "main", runID: "r1", reason: "rpc"))
        #expect(bench.stops[5] == .success(["r1"]))
        #expect(
            bench.take(agent) == [
                .interrupt(
                    .with {
                        $0.turnID = turn.turnID
                        $0.reason = "rpc"
                    }
                )
            ]
        )
        #expect(try bench.counts().turnsQueued == 1)
        bench.apply(.stop(token: 6, sessionKey: "main", runID: nil, reason: "rpc"))
        #expect(bench.stops[6] == .success(["r1", "r2"]))
        guard case .aborted(let run, "rpc")? = bench.published.last else { return #expect(Bool(false)) }
        #expect(run.id == "r2")
    }

    @Test("a stop survives the gateway, and a turn that was told to stop is not run again when its agent dies")
    func stopSurvives() throws {
        let bench = try Bench()
        let (_, agent, turn) = try bench.turnRunning()
        bench.unlink(Bench.agent, agent)
        bench.apply(.stop(token: 1, sessionKey: "agent:main:main", runID: nil, reason: "rpc"))
        try bench.restart()
        let again = bench.link(Bench.agent) { $0.runningTurns = [turn.turnID] }
        #expect(bench.take(again).contains { $0.type == 40 })
        bench.die(Bench.agent, again)
        bench.link(Bench.agent, incarnation: 2)
        #expect(try bench.counts() == JournalCounts())
    }
}

@Suite("chat.send")
struct ChatTests {
    @Test("a level of thinking travels with its message, over a restart as well; a channel's worker cannot set one")
    func thinking() throws {
        let bench = try Bench()
        var chat = TurnTests.chat("a", key: "r1", session: "Main")
        chat.thinking = "high"
        bench.apply(.chat(token: 1, chat))
        try bench.restart()
        #expect(bench.turns(bench.link(Bench.agent, incarnation: 2)).map(\.message.thinking) == ["high"])
        let other = try Bench()
        let (agent, channel) = (other.link(Bench.agent), other.link(Bench.channel))
        other.inbound(channel, key: "a")
        other.parse(channel) { _ in
            var message = Bench.message()
            message.thinking = "high"
            return message
        }
        #expect(other.turns(agent).map(\.message.thinking) == [""])
    }

    @Test("started after the commit; the same key is in flight, then finished, also after a restart")
    func idempotency() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        bench.apply(.chat(token: 1, TurnTests.chat("a", key: "r1", session: "Main")))
        #expect(bench.chats[1] == .started)
        #expect(bench.steps.first == "chat-send")
        bench.apply(.chat(token: 2, TurnTests.chat("a", key: "r1")))
        #expect(bench.chats[2] == .inFlight)
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.runID == "r1")
        #expect(turn.sessionKey == "agent:main:main")
        bench.receive(
            Bench.agent,
            agent,
            .turnEvent(
                .with {
                    $0.turnID = turn.turnID
                    $0.started = true
                }
            )
        )
        bench.done(agent, turn.turnID, "hi")
        guard case .started(let run)? = bench.published.first, case .finished(_, "hi", _, _)? = bench.published.last
        else { return #expect(Bool(false)) }
        #expect(run.sessionKey == "Main")
        try bench.restart()
        bench.apply(.chat(token: 3, TurnTests.chat("a", key: "r1")))
        #expect(bench.chats[3] == .finished)
        #expect(try bench.counts() == JournalCounts())
    }

    @Test("a key that failed answers with its sentence")
    func failed() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        bench.apply(.chat(token: 1, TurnTests.chat("a", key: "r1")))
        let turn = try #require(bench.turns(agent).first)
        bench.done(agent, turn.turnID, "No.", status: .error)
        bench.apply(.chat(token: 2, TurnTests.chat("a", key: "r1")))
        #expect(bench.chats[2] == .failed("No."))
    }

    @Test("what cannot be taken is refused in words")
    func refused() throws {
        var limits = DeliveryLimits()
        limits.chatBytes = 10
        limits.keyBytes = 8
        limits.waitingPerChannel = 1
        let bench = try Bench(limits: limits)
        func outcome(_ message: ChatSend) -> ChatSendOutcome? {
            bench.apply(.chat(token: 1, message))
            return bench.chats[1]
        }
        func isRefused(_ outcome: ChatSendOutcome?) -> Bool { if case .refused? = outcome { true } else { false } }
        #expect(isRefused(outcome(TurnTests.chat("12345678901", key: "k"))))
        #expect(isRefused(outcome(TurnTests.chat("a", key: "123456789"))))
        #expect(isRefused(outcome(TurnTests.chat("a", key: ""))))
        #expect(outcome(TurnTests.chat("a", key: "k", session: "agent:x")) == .started)
        #expect(isRefused(outcome(TurnTests.chat("a", key: "k2"))))
        bench.apply(.intakeStopped("the disk is full"))
        #expect(outcome(TurnTests.chat("a", key: "k")) == .refused("No message is taken in: the disk is full."))
    }

    @Test("an agent that is not configured is named in the refusal, with those that are")
    func unknownAgent() throws {
        let bench = try Bench()
        bench.apply(.chat(token: 1, TurnTests.chat("a", key: "k", session: "agent:nobody:main")))
        #expect(
            bench.chats[1] == .refused("There is no such agent in agent:nobody:main; configured: main.")
        )
    }
}
