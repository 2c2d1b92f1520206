import Config
import Failover
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelAnthropic

@Suite("Anthropic: reading an answer")
struct MessageStreamTests {
    private static let dialect: AnthropicDialect = {
        var config = ProviderConfig()
        config.provider = "anthropic"
        config.baseURL = "https://api.anthropic.com"
        return AnthropicDialect(config)
    }()

    private static let start =
        #"{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":11,"cache_read_input_tokens":5,"output_tokens":1}}}"#
    private static let stop = #"{"type":"message_stop"}"#
    private static let text =
        #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüß dich"}}"#

    private static func end(_ reason: String) -> String {
        #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)"},"usage":{"output_tokens":8}}"#
    }

    /// Thinking, text, two calls, a ping, an event that nobody knows.
    private static let recording =
        "event: message_start\ndata: \(start)\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
        + recorded([
            #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm, "}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"well"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
            #"{"type":"content_block_stop","index":0}"#,
            #"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}}"#,
            #"{"type":"content_block_stop","index":1}"#,
            #"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
            #"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Let me look 🌦 up"}}"#,
            #"{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{}}}"#,
            #"{"type":"content_block_stop","index":2}"#, #"{"type":"a_new_event","x":1}"#,
            #"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}"#,
            #"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            #"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            #"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
            #"{"type":"content_block_stop","index":3}"#,
            #"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_2","name":"g","input":{}}}"#,
            #"{"type":"content_block_stop","index":4}"#, end("tool_use"), stop,
        ])

    @Test("a recording with everything in it reads the same however it is cut")
    func recording() throws {
        let answer = expectSameHoweverCut(Self.recording, Self.dialect)
        #expect(answer.text == "Let me look 🌦 up" && answer.thinking == "hm, well")
        #expect(answer.calls.map(\.id) == ["toolu_1", "toolu_2"] && answer.calls.map(\.name) == ["f", "g"])
        #expect(answer.calls.map { String(decoding: $0.input, as: UTF8.self) } == [#"{"a":1}"#, "{}"])
        #expect(
            answer.opaque == [
                [
                    "dialect": "anthropic",
                    "block": ["type": "thinking", "thinking": "hm, well", "signature": "c2ln"],
                ],
                ["dialect": "anthropic", "block": ["type": "redacted_thinking", "data": "xyz"]],
            ]
        )
        let finished = try #require(answer.finished)
        #expect(finished.stopReason == "tool_use" && finished.model == "claude-x")
        #expect(finished.usage.input == 11 && finished.usage.cacheRead == 5 && finished.usage.output == 8)
        #expect(answer.source == .reported && answer.skipped == 1)
    }

    @Test("counts are merged field by field, the last one counts, null and a second beginning change nothing")
    func usage() throws {
        let answer = read(
            Self.dialect,
            Self.start,
            #"{"type":"message_start","message":{"model":"other","usage":{"input_tokens":99}}}"#,
            Self.text,
            #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7,"input_tokens":null,"cache_creation_input_tokens":3}}"#,
            #"{"type":"message_delta","delta":{},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}"#,
            Self.stop
        )
        let usage = try #require(answer.finished).usage
        #expect(usage.input == 11 && usage.output == 9 && usage.cacheRead == 5 && usage.cacheWrite == 3)
        #expect(usage.reasoning == 4 && answer.finished?.model == "claude-x")
    }

    @Test("without message_stop an answer is cut, and what was counted so far is partial")
    func cut() {
        let answer = read(Self.dialect, Self.start, Self.text)
        #expect(answer.failure?.kind == .cut && answer.text == "Grüß dich" && answer.source == .partial)
    }

    @Test("an empty answer is a failure, but not behind the result of a tool")
    func empty() {
        #expect(read(Self.dialect, Self.start, Self.end("end_turn"), Self.stop).failure?.kind == .transient)
        let call = ModelCall.hello {
            $0.messages = [.user(.text("q")), .assistant(.call("1", "f")), .user(.result("1", "r"))]
        }
        let answer = read(Self.dialect, call: call, Self.start, Self.end("end_turn"), Self.stop)
        #expect(answer.finished?.stopReason == "end_turn")
    }

    @Test("a refusal is one, with or without words")
    func refusal() {
        let spoken = read(Self.dialect, Self.start, Self.text, Self.end("refusal"), Self.stop)
        #expect(spoken.finished?.stopReason == "refusal")
        #expect(read(Self.dialect, Self.start, Self.end("refusal"), Self.stop).failure?.kind == .refused)
    }

    @Test("a call that the token limit cut off is not made")
    func cutTool() {
        let answer = read(
            Self.dialect,
            Self.text,
            #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}"#,
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            #"{"type":"content_block_stop","index":1}"#,
            Self.end("max_tokens"),
            Self.stop
        )
        #expect(answer.calls.isEmpty && answer.finished?.stopReason == "max_tokens")
    }

    @Test("an error event is a failure of its class")
    func inBand() {
        let failure = read(
            Self.dialect,
            #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
        ).failure
        #expect(failure?.kind == .overloaded && failure?.status == 200)
    }

    @Test("an answer in one piece is read as well")
    func whole() throws {
        var reader = Self.dialect.reader(.hello())
        let events = try reader.take(
            whole: [
                "type": "message", "model": "claude-x", "stop_reason": "tool_use",
                "usage": ["input_tokens": 3, "output_tokens": 4],
                "content": [
                    ["type": "text", "text": "hi"],
                    ["type": "tool_use", "id": "t", "name": "f", "input": ["a": 1]],
                ],
            ]
        )
        let calls = try reader.end()
        #expect(events.map(\.text) == ["hi"] && calls.map(\.toolUse.name) == ["f"])
        #expect(reader.draft.finished.usage.output == 4 && reader.draft.source == .reported)
    }

    @Test("an event that is no JSON, arguments and blocks without end are failures")
    func hostile() throws {
        #expect(read(Self.dialect, "nonsense").failure?.kind == .cut)
        let piece = String(repeating: "1", count: 64 * 1024)
        let open =
            #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#
        let delta =
            #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\#(piece)"}}"#
        #expect(
            read(Self.dialect, open, delta, delta, delta, delta, delta).failure?.cause.contains("arguments") == true
        )
        var reader = Self.dialect.reader(.hello())
        #expect(throws: (any Error).self) {
            for index in 0...AnswerDraft.blockCountLimit {
                let start =
                    #"{"type":"content_block_start","index":\#(index % 2),"content_block":{"type":"text","text":""}}"#
                _ = try reader.take(ServerEvent(data: Array(start.utf8)))
            }
        }
    }

    @Test("a very long text comes in pieces that fit into frames")
    func longText() throws {
        let text = String(repeating: "aü", count: 300_000)
        let answer = read(
            Self.dialect,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\#(text)"}}"#
        )
        #expect(answer.events.count > 1 && answer.text == text)
        #expect(answer.events.allSatisfy { $0.text.utf8.count <= AnswerDraft.textLimit })
    }

    @Test("numbers of any size in counts and indexes do not trap")
    func numbers() {
        _ = read(
            Self.dialect,
            #"{"type":"message_start","message":{"usage":{"input_tokens":-5,"output_tokens":1e300}}}"#,
            #"{"type":"content_block_delta","index":-9223372036854775808,"delta":{"type":"input_json_delta"}}"#,
            #"{"type":"content_block_stop","index":1e99}"#
        )
    }
}
