import Config
import FoundationEssentials
import IPCHub
import Runtime
import Testing

@testable import Gateway
@testable import Journal

@Suite("telephone calls in the contract")
struct CallTests {
    private static let voice = "channel:voice-call:default"

    static func config() -> GatewayConfig {
        var config = Bench.config()
        var access = ChannelAccess(channel: "voice-call", account: "default")
        access.dmPolicy = .open
        access.groupPolicy = .disabled
        access.commandsFrom = []
        access.textChunkLimit = 3000
        config.channels.append(access)
        var voice = GatewayVoice()
        voice.model = ModelRef(model: "openai/quick", worker: "model:openai")
        voice.prompt = "You are on the telephone."
        config.voice = voice
        return config
    }

    private func record(
        _ id: String = "c1",
        seq: UInt64 = 1,
        _ state: CallRecord.State = .ringing,
        bytes: Int = 0
    ) throws -> HubCallRecord {
        var call = CallRecord(
            callId: id,
            provider: "twilio",
            direction: .outbound,
            state: state,
            from: "+15550000001",
            to: "+15550000002",
            startedAt: 5,
            mode: .notify
        )
        call.initialMessage = String(repeating: "x", count: bytes)
        var record = HubCallRecord()
        record.seq = seq
        record.callID = id
        record.record = try JSONEncoder().encode(call)
        record.hasEnded_p = state.isTerminal
        return record
    }

    private func acks(_ bench: Bench, _ link: Int) -> [HubCallAck] {
        bench.take(link).compactMap { if case .callAck(let ack) = $0 { ack } else { nil } }
    }

    /// What a worker is given after its WELCOME.
    private func known(_ bench: Bench, _ link: Int) -> (ids: [String], count: UInt32?) {
        var ids: [String] = []
        var count: UInt32?
        for message in bench.take(link) {
            if case .callRecord(let record) = message {
                ids.append(record.callID)
                #expect(count == nil, "CALLS_KNOWN comes last")
            }
            if case .callsKnown(let known) = message { count = known.count }
        }
        return (ids, count)
    }

    @Test("a record is acknowledged after its commit, and those that live come back with the next WELCOME")
    func kept() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        #expect(known(bench, link).count == 0, "there are none, and that is said")
        bench.receive(Self.voice, link, .callRecord(try record("a", seq: 1)))
        bench.receive(Self.voice, link, .callRecord(try record("b", seq: 2)))
        bench.receive(Self.voice, link, .callRecord(try record("a", seq: 3, .completed)))
        #expect(acks(bench, link).map { "\($0.seq)\($0.error)" } == ["1", "2", "3"])
        try bench.restart()
        let next = bench.link(Self.voice, incarnation: 2)
        let after = known(bench, next)
        #expect(after.ids == ["b"] && after.count == 1)
        #expect(try bench.journal.call("a")?.state == "completed")
    }

    @Test(
        "a death before the commit keeps nothing and acknowledges nothing, one behind it keeps it",
        arguments: [
            "call.before-commit", "call.after-commit",
        ]
    )
    func deaths(place: String) throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        bench.dieAt = place
        bench.receive(Self.voice, link, .callRecord(try record()))
        #expect(bench.isDead && acks(bench, link).isEmpty)
        try bench.restart()
        let next = bench.link(Self.voice)
        #expect(known(bench, next).ids == (place == "call.before-commit" ? [] : ["c1"]))
        bench.receive(Self.voice, next, .callRecord(try record()))
        #expect(acks(bench, next).count == 1, "told again it is kept once")
        #expect(try bench.journal.liveCalls().count == 1)
    }

    @Test("what cannot be read, is too long or says something else than its frame is refused in the ack")
    func refused() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        var wrong: [HubCallRecord] = []
        var broken = try record()
        broken.record = Data("{\"callId\":".utf8)
        wrong.append(broken)
        wrong.append(try record(bytes: CallRecord.byteLimit))
        var other = try record()
        other.callID = "another"
        wrong.append(other)
        var early = try record()
        early.hasEnded_p = true
        wrong.append(early)
        var nameless = try record("")
        nameless.callID = ""
        wrong.append(nameless)
        wrong.append(try record(String(repeating: "c", count: 129)))
        wrong.append(try record("a b"))
        for record in wrong { bench.receive(Self.voice, link, .callRecord(record)) }
        let answers = acks(bench, link)
        #expect(answers.count == wrong.count && answers.allSatisfy { !$0.error.isEmpty })
        #expect(try bench.journal.calls(after: nil, limit: 9).isEmpty)
        #expect(bench.closed.isEmpty)
    }

    @Test("sixty-four live, and the next one is refused in words")
    func bound() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        for index in 1...65 {
            bench.receive(Self.voice, link, .callRecord(try record("c\(index)", seq: UInt64(index))))
        }
        let answers = acks(bench, link)
        #expect(answers.prefix(64).allSatisfy { $0.error.isEmpty })
        #expect(answers.last?.error.contains("64 calls") == true)
    }

    @Test("a disk that takes nothing is said at once")
    func disk() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        bench.refusal = .full
        bench.receive(Self.voice, link, .callRecord(try record()))
        #expect(acks(bench, link).first?.error.contains("full") == true)
        #expect(
            Commit.keepCall(
                CallKeeping(
                    worker: "",
                    link: 0,
                    seq: 0,
                    call: KeptCall(callID: "", state: "", record: [], hasEnded: false, startedAt: 0)
                )
            ).durability == .intake
        )
    }

    @Test("a call is its worker's alone to tell of")
    func foreign() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Bench.channel)
        #expect(known(bench, link).count == nil)
        bench.receive(Bench.channel, link, .callRecord(try record()))
        #expect(acks(bench, link).isEmpty && bench.logged("not its to send"))
    }

    // MARK: What is said in them

    private func said(_ text: String, from sender: String = "+15550000002") -> HubChatMessage {
        var message = Bench.message(text, from: sender, chat: "call-1")
        message.senderUsername = ""
        return message
    }

    private func say(_ bench: Bench, _ link: Int, _ text: String, key: String = "1", from: String = "+15550000002") {
        bench.inbound(link, of: Self.voice, key: "voice:\(key)")
        bench.parse(link, of: Self.voice) { _ in said(text, from: from) }
    }

    @Test("a turn on the telephone has the number's session, its own prompt and model, and no commands")
    func turn() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        let agent = bench.link(Bench.agent)
        say(bench, link, "/reset")
        let turn = try #require(bench.turns(agent).first)
        #expect(turn.sessionKey == "agent:main:voice:15550000002" && turn.channel == "voice-call")
        #expect(turn.roomPrompt == "You are on the telephone.")
        #expect(turn.candidates.map(\.model) == ["openai/quick", "anthropic/claude"])
        #expect(!turn.message.mayCommand, "a number can be forged")
        #expect(try bench.journal.owners().isEmpty, "nor is anybody the owner by it")
        bench.done(agent, turn.turnID, "Hello.")
        #expect(bench.sends(link).map(\.content.text) == ["Hello."])
    }

    @Test("whoever commands.allowFrom names may give commands, and nobody else")
    func commands() throws {
        var config = Self.config()
        config.channels[1].commandsFrom = ["+15550000002"]
        config.commands.useAccessGroups = false
        let bench = try Bench(config: config)
        let link = bench.link(Self.voice)
        let agent = bench.link(Bench.agent)
        say(bench, link, "/new", key: "1")
        say(bench, link, "/new", key: "2", from: "+15550000003")
        let turns = bench.turns(agent)
        #expect(turns.map(\.message.mayCommand) == [true, false])
    }

    @Test("why names the rules of calls, not those of chats")
    func words() {
        let lines = PolicyWords(access: Self.config().channels[1]).lines
        #expect(lines.count == 2 && lines[0].contains("inboundPolicy") && lines[1].contains("from nobody"))
    }

    @Test("who hides the number shares no session with others who do")
    func anonymous() throws {
        let bench = try Bench(config: Self.config())
        let link = bench.link(Self.voice)
        let agent = bench.link(Bench.agent)
        say(bench, link, "hello", from: "anonymous")
        #expect(bench.turns(agent).first?.sessionKey == "agent:main:voice:call-1")
    }

    @Test("what was said two minutes ago is not answered, and nobody is alerted")
    func late() throws {
        var config = Self.config()
        config.alerts.enabled = true
        let bench = try Bench(config: config)
        let link = bench.link(Self.voice)
        say(bench, link, "anybody there?")
        bench.now += 119_000
        let agent = bench.link(Bench.agent)
        #expect(bench.turns(agent).count == 1, "in time")
        let other = try Bench(config: config)
        let line = other.link(Self.voice)
        say(other, line, "anybody there?")
        other.now += 121_000
        let late = other.link(Bench.agent)
        #expect(other.turns(late).isEmpty)
        other.advance(5000)
        #expect(other.logged("is not answered any more") && !other.logged("queue retry"))
        #expect(other.core.expired.isEmpty)
    }

    @Test("messages on the telephone are not gathered")
    func quick() throws {
        var config = Self.config()
        config.queue.inboundDebounceMilliseconds = 5000
        config.queue.mode = "collect"
        config.queue.debounceMilliseconds = 5000
        let bench = try Bench(config: config)
        let link = bench.link(Self.voice)
        let agent = bench.link(Bench.agent)
        say(bench, link, "one", key: "1")
        #expect(bench.turns(agent).map(\.message.text) == ["one"])
        #expect(bench.core.limits.queueRules[Self.voice].debounce == 0)
        #expect(bench.core.limits.queueRules[Bench.channel].debounce == 5000)
    }

    @Test("an answer to a call that is over is refused without an alert")
    func over() throws {
        var config = Self.config()
        config.alerts.enabled = true
        let bench = try Bench(config: config)
        let link = bench.link(Self.voice)
        let agent = bench.link(Bench.agent)
        say(bench, link, "bye")
        let turn = try #require(bench.turns(agent).first)
        bench.done(agent, turn.turnID, "Goodbye.")
        let send = try #require(bench.sends(link).first)
        var result = Bench.delivered(send.row, .rejected)
        result.error = "the call is over"
        bench.receive(Self.voice, link, .sendResult(result))
        #expect(bench.logged("the call is over"))
        #expect(try bench.journal.queueItems(QueueFilter()).contains { $0.reason.contains("the call is over") })
        #expect(!bench.steps.contains("notify"))
    }

    // MARK: What agents ask

    private func ask(_ bench: Bench, _ worker: String, _ link: Int, _ method: String, id: UInt64 = 1) {
        var request = HubRequest()
        request.id = id
        request.method = method
        request.params = Data("{}".utf8)
        bench.receive(worker, link, .request(request))
    }

    private func responses(_ bench: Bench, _ link: Int) -> [HubResponse] {
        bench.take(link).compactMap { if case .response(let response) = $0 { response } else { nil } }
    }

    @Test("agents may ask for calls, eight at a time, others for nothing")
    func asked() throws {
        let bench = try Bench(config: Self.config())
        let agent = bench.link(Bench.agent)
        let channel = bench.link(Bench.channel)
        ask(bench, Bench.channel, channel, "voicecall.initiate")
        #expect(responses(bench, channel).first?.error.contains("knows no method") == true)
        ask(bench, Bench.agent, agent, "voicecall.list")
        #expect(responses(bench, agent).first?.error.contains("knows no method") == true)
        for id in 1...9 { ask(bench, Bench.agent, agent, "voicecall.speak", id: UInt64(id)) }
        #expect(bench.asked.map(\.id) == Array(1...8))
        #expect(responses(bench, agent).map(\.id) == [9])
        bench.apply(.answered(bench.asked[0], .success(Array(#"{"success":true}"#.utf8))))
        bench.apply(.answered(bench.asked[1], .failure(.unavailable("the call is over"))))
        let answers = responses(bench, agent)
        #expect(answers.map(\.error) == ["", "the call is over"])
        #expect(answers.first.map { String(decoding: $0.payload, as: UTF8.self) } == #"{"success":true}"#)
        ask(bench, Bench.agent, agent, "voicecall.end", id: 10)
        #expect(bench.asked.count == 9, "there is room again")
        bench.unlink(Bench.agent, agent)
        let next = bench.link(Bench.agent, incarnation: 2)
        bench.apply(.answered(bench.asked[2], .success([])))
        #expect(responses(bench, next).isEmpty, "an answer for another link is nobody's")
    }
}
