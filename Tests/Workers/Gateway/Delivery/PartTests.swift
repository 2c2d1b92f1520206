import Config
import FoundationEssentials
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("parts of an answer")
struct PartTests {
    private func file(_ kind: HubMedia.Kind, _ name: String = "f") -> HubMedia {
        var media = HubMedia()
        media.kind = kind
        media.name = name
        return media
    }

    private func message(_ text: String, _ media: [HubMedia] = []) -> HubOutgoing {
        var part = HubOutgoing()
        part.text = text
        part.media = media
        return part
    }

    private func rows(_ network: String, _ part: HubOutgoing) -> [HubOutgoing] {
        AnswerParts(nil, channel: "channel:\(network):default").rows(of: part).map(AnswerParts.content)
    }

    @Test("text, files, a reaction and buttons become rows in one commit and go out in order")
    func inOrder() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        var reaction = HubOutgoing()
        reaction.kind = .reaction
        reaction.emoji = "👍"
        reaction.messageID = "7"
        var buttons = message("choose")
        buttons.buttons = [HubButtonRow()]
        var done = Bench.ended(turn.turnID, "hello")
        done.replyTo = "42"
        done.parts = [message("see", [file(.image)]), reaction, buttons]
        bench.receive(Bench.agent, agent, .done(done))
        #expect(try bench.counts().outboxPending + bench.counts().outboxInflight == 4)
        var sent: [HubSend] = []
        for _ in 0..<6 {
            let next = bench.sends(channel)
            sent += next
            for send in next { bench.result(channel, send.row) }
        }
        let texts = sent.filter { $0.content.kind == .message }
        #expect(texts.map(\.content.text) == ["hello", "see", "choose"])
        #expect(texts.map(\.content.messageID) == ["42", "", ""])
        #expect(texts.map(\.first) == [true, false, false])
        #expect(texts[1].content.media.count == 1 && texts[2].content.buttons.count == 1)
        #expect(sent.contains { $0.content.kind == .reaction && $0.content.emoji == "👍" })
        #expect(sent.allSatisfy { $0.firstTriedMs == bench.now })
        // The same end told again changes nothing.
        bench.receive(Bench.agent, agent, .done(done))
        #expect(try bench.counts().outboxPending == 0)
    }

    @Test("a long text does not fit under a Telegram picture: it follows as messages of its own")
    func captions() {
        let long = String(repeating: "a", count: 1025)
        #expect(rows("telegram", message("short", [file(.image)])).map(\.text) == ["short"])
        #expect(rows("telegram", message(long, [file(.image)])).map(\.text) == ["", long])
        #expect(rows("discord", message(long, [file(.image)])).map(\.text) == [long])
        #expect(rows("telegram", message("x", [file(.sticker)])).map(\.text) == ["", "x"])
    }

    @Test("files that one call cannot take are rows of their own")
    func groups() {
        let mixed = [file(.image), file(.video), file(.file), file(.file), file(.voice), file(.voice)]
        #expect(rows("telegram", message("", mixed)).map(\.media.count) == [2, 2, 1, 1])
        #expect(rows("discord", message("", mixed)).map(\.media.count) == [6])
        let many = Array(repeating: file(.image), count: 21)
        #expect(rows("telegram", message("", many)).map(\.media.count) == [10, 10, 1])
        var voice = message("", [file(.audio), file(.audio)])
        voice.asVoice = true
        #expect(rows("telegram", voice).map(\.asVoice) == [true, false])
    }

    @Test("a reaction that its network cannot take is no dead letter, and no answer waits behind it")
    func minor() throws {
        let bench = try Bench()
        let (channel, agent, turn) = try bench.turnRunning()
        var reaction = HubOutgoing()
        reaction.kind = .reaction
        reaction.emoji = "x"
        var done = Bench.ended(turn.turnID, "")
        done.parts = [reaction, message("words")]
        bench.receive(Bench.agent, agent, .done(done))
        let sends = bench.sends(channel)
        #expect(sends.count == 2)
        let row = try #require(sends.first { $0.content.kind == .reaction }).row
        for _ in 0..<3 {
            bench.result(channel, row, .retry)
            bench.advance(400_000)
        }
        #expect(try bench.counts().deadLetters == 0)
        var filter = QueueFilter()
        filter.states = [.rejected]
        #expect(try bench.journal.queueItems(filter).map(\.id) == [.outbox(Int64(row))])
    }

    @Test("what waits for the end of a turn goes out behind its answer, however it ends", arguments: [true, false])
    func afterTurn(isAnswered: Bool) throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        guard
            case .new(let row) = try bench.journal.receive(
                InboundEvent(channel: Bench.channel, eventKey: "k", raw: [], cursor: []),
                limit: 9,
                now: bench.now
            )
        else { return }
        _ = try bench.journal.claimInbox(channel: Bench.channel, incarnation: 1, limit: 9, now: bench.now)
        var verdict = InboxVerdict.turn(
            NewTurn(
                turnID: "t",
                runID: "t",
                sessionKey: "s",
                lane: "s",
                agent: Bench.agent,
                channel: Bench.channel,
                account: "default",
                conversation: "1",
                target: [],
                message: []
            )
        )
        verdict.notices = [NewNotice(conversation: "1", target: [], part: OutboxPart(text: "seen", isMinor: true))]
        verdict.afterTurn = [NewNotice(conversation: "1", target: [], part: OutboxPart(text: "unseen", isMinor: true))]
        _ = try bench.journal.settleInbox(
            row: row,
            channel: Bench.channel,
            incarnation: 1,
            verdict: verdict,
            now: bench.now
        )
        #expect(try bench.counts().outboxPending == 1)
        bench.apply(.committed(.workersWithWork, .success(.workers([Bench.agent, Bench.channel]))))
        let turn = try #require(bench.turns(agent).first)
        bench.done(agent, turn.turnID, isAnswered ? "answer" : "", status: isAnswered ? .ok : .aborted)
        var texts: [String] = []
        for _ in 0..<4 {
            for send in bench.sends(channel) {
                texts.append(send.content.text)
                bench.result(channel, send.row)
            }
        }
        #expect(Set(texts) == Set(isAnswered ? ["seen", "answer", "unseen"] : ["seen", "unseen"]))
        #expect(texts.last == "unseen")
    }
}
