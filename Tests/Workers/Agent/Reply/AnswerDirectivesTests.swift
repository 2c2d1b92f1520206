import Runtime
import TestSupport
import Testing

@testable import Agent

@Suite("Directives in an answer")
struct AnswerDirectivesTests {
    @Test("tags and MEDIA lines are taken out, with the white space that was theirs")
    func taken() {
        let answer = AnswerDirectives(
            "[[reply_to_current]] Here it is:\nMEDIA: `./a b.png`\n[[ Audio_As_Voice ]]\nMEDIA:https://x.y/z\nbye [[reply_to: 12]] now"
        )
        #expect(answer.text == "Here it is:\nbye now")
        #expect(answer.media == ["./a b.png", "https://x.y/z"])
        #expect(answer.isVoice && answer.replyTo == .message("12"))
    }

    @Test(
        "what is no directive stays as it is",
        arguments: [
            "see MEDIA:/x", "`[[reply_to_current]]`", "[[reply_to:]]", "[[reply_to:a b]]", "[[wiki]]", "[[", "MEDIA:",
            "```\nMEDIA:/x\n[[audio_as_voice]]\n```", "~~~\n```\nMEDIA:/x\n~~~", "````\n```\nMEDIA:/x", "x NO_REPLYX",
            "NO_REPLYING",
        ]
    )
    func untouched(_ text: String) {
        let answer = AnswerDirectives(text)
        #expect(answer.text == text && answer.media.isEmpty && !answer.isVoice && answer.replyTo == nil)
    }

    @Test("after a fence directives count again")
    func afterFence() {
        let answer = AnswerDirectives("```sh\nMEDIA:/x\n```\nMEDIA:/y")
        #expect(answer.text == "```sh\nMEDIA:/x\n```" && answer.media == ["/y"])
    }

    @Test(
        "NO_REPLY at either end silences the whole",
        arguments: ["NO_REPLY", " NO_REPLY\n", "ok\nNO_REPLY", "NO_REPLY: x"]
    )
    func silent(_ text: String) {
        #expect(AnswerDirectives(text).text.isEmpty)
    }

    @Test("HEARTBEAT_OK is taken off either end")
    func heartbeat() {
        #expect(AnswerDirectives("HEARTBEAT_OK").text.isEmpty)
        #expect(AnswerDirectives("HEARTBEAT_OK all fine HEARTBEAT_OK").text == "all fine")
        #expect(AnswerDirectives("a HEARTBEAT_OK b").text == "a HEARTBEAT_OK b")
    }

    @Test("files beyond the bound are not sent, and the path of one is bounded")
    func bounds() {
        let many = AnswerDirectives((0..<30).map { "MEDIA:/\($0)" }.joined(separator: "\n"))
        #expect(many.media.count == AnswerDirectives.mediaLimit && many.text.isEmpty)
        #expect(AnswerDirectives("MEDIA:" + String(repeating: "x", count: 5000)).media.isEmpty)
    }

    @Test("any text is read without harm, and reading it again changes nothing")
    func fuzz() {
        var random = SplitMix(seed: 3)
        let pieces = [
            "[[", "]]", "reply_to:", "reply_to_current", "MEDIA:", "\n", "```", "~~~", "`", " ", "x", "NO_REPLY",
            "HEARTBEAT_OK", "é", "\r\n", "audio_as_voice", "👩‍👩‍👧", "/p",
        ]
        for _ in 0..<4000 {
            let text = (0..<Int.random(in: 0...16, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let kept = AnswerDirectives(text, keepsMedia: true)
            #expect(kept.media.isEmpty)
            #expect(AnswerDirectives(text).text.utf8.count <= text.utf8.count)
        }
    }
}
