import FoundationEssentials
import IPCHub
import Runtime
import Testing

@testable import ModelAnthropic

@Suite struct MessageStreamTests {
    private static func events(_ lines: String...) throws -> [HubModelEvent] {
        var stream = MessageStream()
        return try lines.flatMap { try stream.take(ServerEvent(name: "", data: Array($0.utf8))) }
    }

    private static let start =
        #"{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":11,"cache_read_input_tokens":5,"output_tokens":1}}}"#

    @Test("text goes on at once, usage is merged field by field, the last one counts")
    func text() throws {
        let events = try Self.events(
            Self.start,
            #"{"type":"message_start","message":{"model":"other","usage":{"input_tokens":99}}}"#,
            #"{"type":"ping"}"#,
            #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{}}}"#,
            #"{"type":"content_block_stop","index":0}"#,
            #"{"type":"a_new_event","x":1}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7,"input_tokens":null}}"#,
            #"{"type":"message_delta","delta":{},"usage":{"output_tokens":8}}"#,
            #"{"type":"message_stop"}"#
        )
        #expect(events.map(\.text) == ["Hi", ""])
        let finished = try #require(events.last).finished
        #expect(finished.stopReason == "end_turn" && finished.model == "claude-x")
        #expect(finished.usage.input == 11 && finished.usage.cacheRead == 5 && finished.usage.output == 8)
    }

    @Test("a tool call is put together from its pieces and comes with the end")
    func tool() throws {
        let events = try Self.events(
            Self.start,
            #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}"#,
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
            #"{"type":"content_block_stop","index":1}"#,
            #"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}}"#,
            #"{"type":"content_block_stop","index":2}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
            #"{"type":"message_stop"}"#
        )
        #expect(events.map(\.toolUse.id) == ["t1", "t2", ""])
        #expect(events[0].toolUse.input == Data(#"{"a":1}"#.utf8) && events[1].toolUse.input == Data("{}".utf8))
        #expect(events[2].finished.stopReason == "tool_use")
    }

    @Test("a tool call that the token limit cut off is not made")
    func cutTool() throws {
        let events = try Self.events(
            #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            #"{"type":"content_block_stop","index":0}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#,
            #"{"type":"message_stop"}"#
        )
        #expect(events.count == 1 && events[0].finished.stopReason == "max_tokens")
    }

    @Test("thinking is given on as the provider's own JSON")
    func thinking() throws {
        let events = try Self.events(
            #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s="}}"#,
            #"{"type":"content_block_stop","index":0}"#,
            #"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}}"#,
            #"{"type":"content_block_stop","index":1}"#
        )
        #expect(
            events.map { String(decoding: $0.opaque, as: UTF8.self) } == [
                #"{"type":"thinking","thinking":"hm","signature":"s="}"#, #"{"type":"redacted_thinking","data":"xyz"}"#,
            ]
        )
    }

    @Test("an error event in the stream is a failure of its class")
    func inBand() {
        #expect(throws: Failure.self) {
            _ = try Self.events(#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)
        }
        do {
            _ = try Self.events(#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)
        } catch {
            #expect((error as? Failure)?.kind == .overloaded)
        }
    }

    @Test("an event that is no JSON, arguments without end and blocks without number are failures")
    func hostile() {
        #expect(throws: Failure.self) { _ = try Self.events("nonsense") }
        var arguments = MessageStream()
        let open =
            #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#
        #expect(throws: Failure.self) {
            _ = try arguments.take(ServerEvent(name: "", data: Array(open.utf8)))
            let piece = String(repeating: "1", count: 64 * 1024)
            let delta =
                #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\#(piece)"}}"#
            for _ in 0..<5 { _ = try arguments.take(ServerEvent(name: "", data: Array(delta.utf8))) }
        }
        var blocks = MessageStream()
        #expect(throws: Failure.self) {
            for index in 0...MessageStream.blockCountLimit {
                let start =
                    #"{"type":"content_block_start","index":\#(index % 2),"content_block":{"type":"text","text":""}}"#
                _ = try blocks.take(ServerEvent(name: "", data: Array(start.utf8)))
            }
        }
    }

    @Test("a very long text comes in pieces that fit into frames")
    func longText() throws {
        let text = String(repeating: "aü", count: 300_000)
        let events = try Self.events(
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\#(text)"}}"#
        )
        #expect(events.count > 1 && events.map(\.text).joined() == text)
        #expect(events.allSatisfy { $0.text.utf8.count <= MessageStream.textLimit })
    }

    @Test("numbers of any size in usage and index do not trap")
    func numbers() throws {
        _ = try Self.events(
            #"{"type":"message_start","message":{"usage":{"input_tokens":-5,"output_tokens":1e300}}}"#,
            #"{"type":"content_block_delta","index":-9223372036854775808,"delta":{"type":"input_json_delta"}}"#,
            #"{"type":"content_block_stop","index":1e99}"#
        )
    }
}
