import IPCHub
import Runtime
import Testing

@testable import Agent

@Suite struct ModelHistoryTests {
    private static func entries(_ lines: String...) throws -> [TranscriptEntry] {
        try lines.map { line in
            TranscriptEntry(object: try #require(try JSON(parsing: line.utf8).object))
        }
    }

    private static func user(_ text: String) -> String {
        #"{"type":"message","message":{"role":"user","content":"\#(text)"}}"#
    }

    private static func assistant(_ text: String, _ more: String = "") -> String {
        #"{"type":"message","message":{"role":"assistant","content":[{"type":"text","text":"\#(text)"}\#(more)]}}"#
    }

    private static func call(_ id: String) -> String {
        #",{"type":"toolCall","id":"\#(id)","name":"f","arguments":{"a":1}}"#
    }

    private static func result(_ id: String, _ text: String) -> String {
        #"{"type":"message","message":{"role":"toolResult","toolCallId":"\#(id)","content":[{"type":"text","text":"\#(text)"}]}}"#
    }

    private static func show(_ messages: [HubModelMessage]) -> [String] {
        messages.map { message in
            let blocks = message.blocks.map { block in
                switch block.block {
                case .text(let text)?: text
                case .toolUse(let use)?: "call \(use.id)"
                case .toolResult(let result)?:
                    "result \(result.toolUseID)\(result.isError ? "!" : "") \(result.text.prefix(8))"
                case .opaque?: "opaque"
                case .image(let image)?: "image:\(image.mime)"
                case nil: "nothing"
                }
            }
            return (message.role == .user ? "u: " : "a: ") + blocks.joined(separator: ", ")
        }
    }

    private static func history(_ path: [TranscriptEntry], budget: Int = 1_000_000, turnStart: Int? = nil) -> [String] {
        show(ModelHistory(budgetBytes: budget).messages(path, turnStart: turnStart ?? path.count).messages)
    }

    @Test("a missing result is put in, one that belongs to nothing and one given twice are left out")
    func repair() throws {
        let path = try Self.entries(
            Self.result("lost", "x"),
            Self.user("q"),
            Self.assistant("a", Self.call("1") + Self.call("2|x")),
            Self.result("2|x", "two"),
            Self.result("2|x", "again"),
            Self.result("9", "stray"),
            Self.user("next")
        )
        #expect(
            Self.history(path) == [
                "u: q", "a: a, call 1, call 2_x", "u: result 1! This too, result 2_x two, next",
            ]
        )
    }

    @Test("errors, commands and empty texts are not shown; neighbours of one role are joined; a user begins")
    func hidden() throws {
        let path = try Self.entries(
            Self.assistant("greeting"),
            Self.user("/status"),
            #"{"type":"message","message":{"role":"assistant","provider":"clawhold","model":"command","content":[{"type":"text","text":"x"}]}}"#,
            Self.user("one"),
            #"{"type":"message","message":{"role":"assistant","content":[{"type":"text","text":"sorry"}],"stopReason":"error"}}"#,
            #"{"type":"model_change"}"#,
            Self.user(" "),
            Self.assistant("  "),
            #"{"type":"message","message":{"role":"user","content":[{"type":"text","text":"look"},{"type":"image","data":"zzz"}]}}"#
        )
        #expect(Self.history(path) == ["u: one, (empty message), look\n[image: not shown]"])
    }

    @Test("the oldest turns are dropped, whole ones; the turn in hand never")
    func budget() throws {
        let path = try Self.entries(
            Self.user(String(repeating: "a", count: 100)),
            Self.assistant("b", Self.call("1")),
            Self.result("1", "r"),
            Self.assistant("c"),
            Self.user("second"),
            Self.assistant("d"),
            Self.user(String(repeating: "n", count: 500))
        )
        let now = String(repeating: "n", count: 500)
        #expect(Self.history(path, budget: 100_000, turnStart: 6).count == 7)
        #expect(Self.history(path, budget: 150, turnStart: 6) == ["u: second", "a: d", "u: \(now)"])
        #expect(Self.history(path, budget: 3, turnStart: 6) == ["u: \(now)"])
        #expect(Self.history(path, budget: 0, turnStart: 6) == ["u: \(now)"])
    }

    @Test("a compaction's summary stands for what was before")
    func compaction() throws {
        let path = try Self.entries(
            Self.user("old"),
            Self.assistant("old answer"),
            #"{"type":"message","id":"k","message":{"role":"user","content":"kept"}}"#,
            Self.assistant("kept answer"),
            #"{"type":"compaction","summary":"they talked","firstKeptEntryId":"k"}"#,
            Self.user("new")
        )
        #expect(
            Self.history(path, turnStart: 5) == [
                "u: [Summary of the conversation so far]\nthey talked, kept", "a: kept answer", "u: new",
            ]
        )
    }

    @Test("every message fits into a frame, whatever the transcript holds")
    func frames() throws {
        let long = String(repeating: "x", count: 500_000)
        let path = try Self.entries(
            Self.user(long),
            Self.user(long),
            Self.user(long),
            Self.assistant(long, Self.call("1")),
            Self.result("1", long)
        )
        for message in ModelHistory(budgetBytes: 10_000_000).messages(path, turnStart: 0).messages {
            var frame = 0
            for block in message.blocks { frame += block.text.utf8.count + block.toolResult.text.utf8.count }
            #expect(frame <= ModelHistory.messageLimit)
        }
    }
}
