internal import Testing

@testable internal import Gateway

@Suite("Events of runs")
struct RunPublisherTests {
    private let start = ContinuousClock.now
    private let run = Run(id: "R", sessionKey: "main")
    private let bill = RunUsage(input: 1, output: 2)

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start.advanced(by: .milliseconds(milliseconds)) }

    /// `agent assistant He`, `chat delta He`, in short.
    private func brief(_ publications: [Publication]) -> [String] {
        publications.map { publication in
            let payload = publication.payload
            let data = payload["data"]
            let text = payload["message"]?["content"]?.items?.first?["text"]?.text
            let words = [
                publication.event, payload["stream"]?.text ?? payload["state"]?.text, data?["phase"]?.text,
                data?["text"]?.text ?? text,
                (data?["delta"] ?? payload["deltaText"])?.text.map { "+\($0)" }, payload["errorMessage"]?.text,
                payload["stopReason"]?.text,
                payload["replace"] == true || data?["replace"] == true ? "replace" : nil,
            ]
            return words.compactMap(\.self).joined(separator: " ")
        }
    }

    private func text(_ text: String, _ added: String, replaced: Bool = false) -> ConversationEvent {
        .text(run, text: text, added: added, replaced: replaced)
    }

    @Test("a run: start, deltas no closer than 150 ms with all that came between, the rest, end, one final")
    func wholeRun() {
        var publisher = RunPublisher()
        #expect(brief(publisher.take(.started(run), now: at(0), wall: 5)) == ["agent lifecycle start"])
        #expect(
            brief(publisher.take(text("He", "He"), now: at(10), wall: 5)) == [
                "agent assistant He +He", "chat delta He +He",
            ]
        )
        #expect(brief(publisher.take(text("Hell", "ll"), now: at(20), wall: 5)) == [])
        #expect(publisher.nextDue == at(160))
        #expect(brief(publisher.take(text("Hello", "o"), now: at(159), wall: 5)) == [])
        #expect(brief(publisher.due(now: at(160), wall: 5)) == ["agent assistant Hello +llo", "chat delta Hello +llo"])
        #expect(publisher.nextDue == nil)
        #expect(brief(publisher.take(text("Hello!", "!"), now: at(170), wall: 5)) == [])
        #expect(
            brief(
                publisher.take(
                    .finished(run, text: "Hello!", usage: bill, stopReason: "end_turn"),
                    now: at(180),
                    wall: 5
                )
            )
                == ["agent assistant Hello! +!", "agent lifecycle end", "chat final Hello! end_turn"]
        )
        #expect(publisher.runs.isEmpty)
    }

    @Test("after the terminal event nothing more is said of a run, until it starts anew")
    func oneTerminal() {
        var publisher = RunPublisher()
        #expect(
            brief(publisher.take(.aborted(run, reason: "rpc"), now: at(0), wall: 5)) == [
                "agent lifecycle start", "agent lifecycle end", "chat aborted rpc",
            ]
        )
        for late: ConversationEvent in [
            text("x", "x"), .finished(run, text: "x", usage: bill, stopReason: ""), .failed(run, sentence: "s"),
            .toolStarted(run, name: "t", callID: "c", arguments: []),
            .toolFinished(run, name: "t", callID: "c", result: "", isError: false),
        ] {
            #expect(publisher.take(late, now: at(1), wall: 5).isEmpty)
        }
        #expect(brief(publisher.take(.started(run), now: at(2), wall: 5)) == ["agent lifecycle start"])
    }

    @Test("a failure is a lifecycle error and a chat error with the sentence")
    func failure() {
        var publisher = RunPublisher()
        _ = publisher.take(.started(run), now: at(0), wall: 5)
        let said = publisher.take(.failed(run, sentence: "no key"), now: at(1), wall: 5)
        #expect(brief(said) == ["agent lifecycle error", "chat error no key"])
        #expect(said.first?.payload["data"]?["error"] == "no key")
        #expect(said.allSatisfy { !$0.canBeDropped })
    }

    @Test("the final carries the trimmed text and the bill, and no message when there is no text")
    func final() throws {
        var publisher = RunPublisher()
        let said = publisher.take(
            .finished(run, text: "\n Hi \n", usage: bill, stopReason: "end_turn"),
            now: at(0),
            wall: 9
        )
        let message = try #require(said.last?.payload["message"])
        #expect(message["content"]?.items?.first?["text"] == "Hi")
        #expect(message["usage"]?["totalTokens"] == 3)
        #expect(message["timestamp"] == 9)
        let second = Run(id: "S", sessionKey: "main")
        let empty = publisher.take(.finished(second, text: " \n", usage: bill, stopReason: ""), now: at(0), wall: 9)
        #expect(empty.last?.payload["state"] == "final")
        #expect(empty.last?.payload["message"] == nil)
    }

    @Test("a re-run that begins anew replaces what clients have")
    func replacement() {
        var publisher = RunPublisher()
        _ = publisher.take(text("Once upon", "Once upon"), now: at(0), wall: 5)
        let said = brief(publisher.take(text("In", "In", replaced: true), now: at(200), wall: 5))
        #expect(said == ["agent assistant In +In replace", "chat delta In +In replace"])
        #expect(
            brief(publisher.take(text("In a", " a"), now: at(400), wall: 5)) == [
                "agent assistant In a + a", "chat delta In a + a",
            ]
        )
    }

    @Test("a final text that does not continue what was streamed still reaches those who add deltas up")
    func finalDiffers() {
        var publisher = RunPublisher()
        _ = publisher.take(text("draft", "draft"), now: at(0), wall: 5)
        let said = brief(
            publisher.take(.finished(run, text: "done", usage: bill, stopReason: ""), now: at(10), wall: 5)
        )
        #expect(said == ["agent assistant done +done replace", "agent lifecycle end", "chat final done"])
    }

    @Test("what happens before chat.send is answered waits for the answer, texts as one")
    func holding() {
        var publisher = RunPublisher()
        let isHeld = publisher.hold("R")
        #expect(isHeld)
        #expect(publisher.take(.started(run), now: at(0), wall: 5).isEmpty)
        #expect(publisher.take(text("a", "a"), now: at(1), wall: 5).isEmpty)
        #expect(publisher.take(text("ab", "b"), now: at(2), wall: 5).isEmpty)
        let other = Run(id: "other", sessionKey: "main")
        #expect(!publisher.take(.started(other), now: at(2), wall: 5).isEmpty)
        #expect(
            brief(publisher.release("R", now: at(3), wall: 5)) == [
                "agent lifecycle start", "agent assistant ab +ab", "chat delta ab +ab",
            ]
        )
        #expect(publisher.release("R", now: at(4), wall: 5).isEmpty)
        let isHeldAgain = publisher.hold("R")
        #expect(!isHeldAgain, "a run under way is not held: a repeated chat.send must not stall it")
    }

    @Test("what waits is bounded, and the terminal event is kept whatever comes before")
    func holdingIsBounded() {
        var publisher = RunPublisher()
        _ = publisher.hold("R")
        for number in 0..<1000 {
            _ = publisher.take(.toolStarted(run, name: "t", callID: "\(number)", arguments: []), now: at(0), wall: 5)
        }
        _ = publisher.take(.failed(run, sentence: "s"), now: at(1), wall: 5)
        let said = publisher.release("R", now: at(2), wall: 5)
        #expect(said.count { $0.payload["stream"] == "tool" } == RunPublisher.mostHeld)
        #expect(said.last?.payload["state"] == "error")
    }

    @Test("tool events go to those who asked for them, arguments as JSON, and text before them is not kept back")
    func tools() {
        var publisher = RunPublisher()
        _ = publisher.take(text("a", "a"), now: at(0), wall: 5)
        _ = publisher.take(text("ab", "b"), now: at(1), wall: 5)
        let said = publisher.take(
            .toolStarted(run, name: "t", callID: "c", arguments: Array(#"{"x":1}"#.utf8)),
            now: at(2),
            wall: 5
        )
        #expect(brief(said) == ["agent assistant ab +b", "chat delta ab +b", "agent tool start"])
        #expect(said.last?.audience == .toolReaders)
        #expect(said.last?.payload["data"]?["args"] == ["x": 1])
        let broken = publisher.take(.toolStarted(run, name: "t", callID: "d", arguments: [0x7B]), now: at(3), wall: 5)
        #expect(broken.last?.payload["data"]?["args"] == "{")
    }

    @Test("agent events of a run are numbered without gaps, and chat events carry the number of theirs")
    func numbering() {
        var publisher = RunPublisher()
        var said = publisher.take(.started(run), now: at(0), wall: 5)
        for step in 1...5 {
            said += publisher.take(text(String(repeating: "é", count: step), "é"), now: at(step * 200), wall: 5)
        }
        said += publisher.take(.finished(run, text: "ééééé", usage: bill, stopReason: ""), now: at(2000), wall: 5)
        let agent = said.filter { $0.event == "agent" }.compactMap { $0.payload["seq"]?.whole }
        #expect(agent == Array(1...Int64(agent.count)))
        #expect(agent.count == 7)
        for (before, chat) in zip(said, said.dropFirst()) where chat.event == "chat" {
            #expect(before.event == "agent" && before.payload["seq"] == chat.payload["seq"])
        }
    }

    @Test("runs that ended are remembered up to a bound")
    func endedBound() {
        var publisher = RunPublisher()
        for number in 0...RunPublisher.mostEnded {
            _ = publisher.take(.failed(Run(id: "\(number)", sessionKey: "m"), sentence: "s"), now: at(0), wall: 5)
        }
        #expect(
            publisher.take(
                .text(Run(id: "1", sessionKey: "m"), text: "x", added: "x", replaced: false),
                now: at(1),
                wall: 5
            ).isEmpty
        )
        #expect(
            !publisher.take(
                .text(Run(id: "0", sessionKey: "m"), text: "x", added: "x", replaced: false),
                now: at(1),
                wall: 5
            ).isEmpty
        )
    }
}
