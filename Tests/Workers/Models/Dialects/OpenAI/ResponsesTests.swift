import Config
import Failover
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelOpenAI

@Suite("Responses: calls and answers")
struct ResponsesTests {
    private static let dialect: ResponsesDialect = {
        var config = ProviderConfig()
        (config.provider, config.dialect, config.baseURL) = ("openai", .responses, "https://api.openai.com/v1")
        return ResponsesDialect(config)
    }()

    private static let reasoning =
        #"{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAA"}"#
    private static let usage =
        #"{"input_tokens":20,"input_tokens_details":{"cached_tokens":12},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}"#

    private static let recording =
        "event: response.created\n"
        + recorded([
            #"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"gpt-x","status":"in_progress"}}"#,
            #"{"type":"response.in_progress","sequence_number":1,"response":{}}"#,
            #"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gA"}}"#,
            #"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0}"#,
            #"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
            #"{"type":"response.output_item.done","output_index":0,"item":\#(reasoning)}"#,
            #"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","role":"assistant","content":[]}}"#,
            #"{"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}"#,
            #"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Let me 🌦"}"#,
            #"{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"Let me 🌦"}"#,
            #"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"Let me 🌦"}]}}"#,
            #"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":""}}"#,
            #"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\""}"#,
            #"{"type":"response.function_call_arguments.delta","output_index":2,"delta":":1}"}"#,
            #"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":1}"}"#,
            #"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"a\":1}"}}"#,
            #"{"type":"response.something_new","x":1}"#,
            #"{"type":"response.completed","response":{"model":"gpt-x","status":"completed","output":[],"usage":\#(usage)}}"#,
        ])

    @Test("a recording with everything in it reads the same however it is cut")
    func recording() throws {
        let answer = expectSameHoweverCut(Self.recording, Self.dialect)
        #expect(answer.text == "Let me 🌦" && answer.thinking == "hm")
        #expect(answer.calls.map(\.id) == ["call_1"] && answer.calls.first?.input == Data(#"{"a":1}"#.utf8))
        #expect(answer.opaque == [["dialect": "openai-responses", "block": try JSON(parsing: Self.reasoning.utf8)]])
        let finished = try #require(answer.finished)
        #expect(finished.stopReason == "tool_use" && finished.model == "gpt-x")
        #expect(finished.usage.input == 8 && finished.usage.cacheRead == 12 && finished.usage.output == 9)
        #expect(finished.usage.reasoning == 4 && answer.source == .reported && answer.skipped == 1)
    }

    private static let text = #"{"type":"response.output_text.delta","output_index":0,"delta":"par"}"#

    @Test("only completed and incomplete are an end")
    func ends() {
        #expect(read(Self.dialect, Self.text).failure?.kind == .cut)
        func incomplete(_ reason: String) -> String {
            #"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"\#(reason)"},"usage":\#(Self.usage)}}"#
        }
        #expect(read(Self.dialect, Self.text, incomplete("max_output_tokens")).finished?.stopReason == "max_tokens")
        #expect(read(Self.dialect, Self.text, incomplete("content_filter")).finished?.stopReason == "refusal")
        #expect(read(Self.dialect, incomplete("content_filter")).failure?.kind == .refused)
        #expect(read(Self.dialect, incomplete("max_output_tokens")).failure?.kind == .transient)
    }

    @Test("a probe whose few tokens went into thinking was answered: the key works")
    func probe() {
        let probe = ModelCall.hello { $0.request.caller.purpose = "probe" }
        let incomplete =
            #"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#
        #expect(read(Self.dialect, call: probe, incomplete).finished?.stopReason == "max_tokens")
        #expect(read(Self.dialect, incomplete).failure?.kind == .transient)
    }

    @Test("parts without end are a cut answer, however short they are")
    func parts() {
        let lines = (0...AnswerDraft.blockCountLimit).map {
            #"{"type":"response.output_text.delta","output_index":\#($0),"delta":"a"}"#
        }
        let answer = read([Array(recorded(lines).utf8)[...]], Self.dialect)
        #expect(answer.failure?.kind == .cut && answer.failure?.cause.contains("blocks") == true)
    }

    @Test("failures after HTTP 200: flat, nested, and of the response")
    func failures() {
        let cases: [(String, HubModelEvent.Failed.Kind)] = [
            (#"{"type":"error","code":"server_error","message":"x","param":null}"#, .transient),
            (
                #"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"x"}}"#,
                .billing
            ),
            (
                #"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"x"}}}"#,
                .rateLimit
            ),
            (#"{"type":"response.failed","response":{"error":{"code":"bio_policy","message":"x"}}}"#, .refused),
        ]
        for (line, kind) in cases { #expect(read(Self.dialect, line).failure?.kind == kind, "\(line)") }
    }

    @Test("text that comes only with its item or with the end, and an answer in one piece")
    func late() throws {
        let item = #"{"type":"message","content":[{"type":"output_text","text":"whole"}]}"#
        let done = #"{"type":"response.completed","response":{"output":[\#(item)],"usage":\#(Self.usage)}}"#
        #expect(
            read(Self.dialect, #"{"type":"response.output_item.done","output_index":0,"item":\#(item)}"#, done).text
                == "whole"
        )
        #expect(read(Self.dialect, done).text == "whole")
        var reader = Self.dialect.reader(.hello())
        let events = try reader.take(whole: JSON(parsing: #"{"status":"completed","output":[\#(item)]}"#.utf8))
        #expect(events.map(\.text) == ["whole"])
    }

    @Test("every field of a call; thoughts go back as they came, others' do not")
    func fields() throws {
        let call = ModelCall.hello(model: "gpt-5.6") {
            $0.request.system = "be brief"
            $0.request.tools = [.weather()]
            $0.request.thinking = "high"
            $0.messages = [
                .user(.text("look"), .image([1, 2, 3])),
                .assistant(
                    .opaque("openai-responses", ["type": "reasoning", "id": "rs_1", "encrypted_content": "g"]),
                    .opaque("google", ["thoughtSignature": "x"]),
                    .text("I look"),
                    .call("call_1", "weather")
                ), .user(.result("call_1", "rain"), .text("and?")),
            ]
        }
        let body = try body(call, Self.dialect)
        #expect(body["model"] == "gpt-5.6" && body["stream"] == true && body["store"] == false)
        #expect(body["max_output_tokens"] == 100 && body["instructions"] == "be brief")
        #expect(body["include"] == ["reasoning.encrypted_content"])
        #expect(body["reasoning"] == ["effort": "high", "summary": "auto"])
        let tool = try #require(body["tools"]?.array?.first)
        #expect(tool["type"] == "function" && tool["name"] == "weather" && tool["strict"] == false)
        #expect(
            body["input"] == [
                [
                    "type": "message", "role": "user",
                    "content": [
                        ["type": "input_text", "text": "look"],
                        ["type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AQID"],
                    ],
                ], ["type": "reasoning", "id": "rs_1", "encrypted_content": "g"],
                ["type": "message", "role": "assistant", "content": [["type": "output_text", "text": "I look"]]],
                ["type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"],
                ["type": "function_call_output", "call_id": "call_1", "output": "rain"],
                ["type": "message", "role": "user", "content": [["type": "input_text", "text": "and?"]]],
            ]
        )
        let plain = try self.plain("gpt-4o")
        #expect(plain["include"] == nil && plain["reasoning"] == nil)
    }

    private func plain(_ model: String) throws -> JSON { try body(.hello(model: model), Self.dialect) }

    @Test("a subscription's account stands beside its token, and its address takes no limit")
    func subscription() throws {
        let key = ProviderKey(profile: "p", kind: .bearer, value: "t", account: "acc")
        let headers = Self.dialect.authentication(key)
        #expect(headers.contains { $0 == ("authorization", "Bearer t") })
        #expect(headers.contains { $0 == ("chatgpt-account-id", "acc") })
        var config = ProviderConfig()
        (config.provider, config.baseURL) = ("openai-codex", "https://chatgpt.com/backend-api/codex")
        let body = try body(.hello(model: "gpt-5.5"), ResponsesDialect(config))
        #expect(body["max_output_tokens"] == nil && body["instructions"]?.string?.isEmpty == false)
    }
}
