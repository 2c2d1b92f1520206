import FoundationEssentials
import IPCHub
import Runtime
import Testing

@testable import Agent

@Suite("What is gathered of an answer")
struct AnswerReadingTests {
    @Test("words that follow each other are one block, thoughts stand where they came")
    func blocks() {
        var reading = AnswerReading()
        func take(_ fill: (inout HubModelEvent) -> Void) {
            var event = HubModelEvent()
            fill(&event)
            _ = reading.take(event)
        }
        take { $0.text = "a" }
        take { $0.text = "b" }
        take { $0.opaque = Data(#"{"dialect":"x","block":{"thinking":"t"}}"#.utf8) }
        take { $0.text = "c" }
        #expect(reading.text == "abc")
        #expect(reading.blocks.map { $0["text"] ?? $0["thinking"] } == ["ab", "t", "c"])
    }

    @Test("half a mebibyte of single letters is gathered in their own time, not in that of their square")
    func letters() {
        var reading = AnswerReading()
        var event = HubModelEvent()
        event.text = "x"
        for _ in 0..<AnswerReading.textLimit { _ = reading.take(event) }
        #expect(reading.blocks == [TranscriptMessage.textBlock(reading.text)])
        #expect(reading.text.utf8.count == AnswerReading.textLimit && reading.finished == nil)
        #expect(reading.take(event) == .over && reading.finished?.stopReason == "max_tokens")
    }

    @Test("a count from a file cannot be too large for a share")
    func share() {
        var context = ToolContext(
            key: SessionKey("main", agent: "main"),
            sessionID: "s",
            model: "m",
            channel: "",
            messageID: "",
            usage: TokenUsage(),
            collected: 0
        )
        context.model = "a/b"
        let facts = SessionStatusTool.Facts(
            agent: "main",
            version: "1",
            uptimeMilliseconds: 0,
            runningTurns: 0,
            contextTokens: 1,
            messages: 0,
            totalTokens: .max
        )
        #expect(SessionStatusTool.text(facts, context: context).contains("Tokens in context: \(Int64.max) of 1"))
    }
}
