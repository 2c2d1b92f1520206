import Config
import Failover
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelOpenAI

@Suite("Chat completions: reading an answer")
struct ChatStreamTests {
    static func dialect(
        _ provider: String = "openai",
        _ url: String = "https://api.openai.com/v1",
        _ change: (inout ProviderConfig) -> Void = { _ in }
    ) -> ChatDialect {
        var config = ProviderConfig()
        (config.provider, config.dialect, config.baseURL) = (provider, .chatCompletions, url)
        change(&config)
        return ChatDialect(config)
    }

    private static func chunk(_ delta: String, finish: String = "null", _ rest: String = "") -> String {
        #"{"id":"c","object":"chat.completion.chunk","model":"gpt-x","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]\#(rest)}"#
    }

    private static let counts =
        #"{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":15,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":4}}}"#

    private static let recording =
        ": OPENROUTER PROCESSING\n\n"
        + recorded([
            chunk(#"{"role":"assistant","content":""}"#, #","usage":null"#),
            chunk(#"{"content":"Let me 🌦 "}"#), chunk(#"{"content":"look"}"#),
            chunk(
                #"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#
            ),
            chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}"#),
            chunk(
                #"{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]}"#
            ),
            chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"#), #"{"object":"unknown"}"#,
            chunk("{}", finish: #""tool_calls""#), counts, "[DONE]",
        ])

    @Test("a recording with everything in it reads the same however it is cut")
    func recording() throws {
        let answer = expectSameHoweverCut(Self.recording, Self.dialect())
        #expect(answer.text == "Let me 🌦 look")
        #expect(answer.calls.map(\.id) == ["call_1", "call_2"] && answer.calls.map(\.name) == ["f", "g"])
        #expect(answer.calls.map { String(decoding: $0.input, as: UTF8.self) } == [#"{"a":1}"#, "{}"])
        let finished = try #require(answer.finished)
        #expect(finished.stopReason == "tool_use" && finished.model == "gpt-x")
        #expect(finished.usage.input == 3 && finished.usage.cacheRead == 15 && finished.usage.cacheWrite == 2)
        #expect(finished.usage.output == 9 && finished.usage.reasoning == 4)
        #expect(answer.source == .reported && answer.skipped == 1)
    }

    @Test("whole is what gave a finish_reason or [DONE]; anything else is cut")
    func completeness() {
        let text = Self.chunk(#"{"content":"hi"}"#)
        #expect(read(Self.dialect(), text).failure?.kind == .cut)
        #expect(read(Self.dialect(), text, Self.chunk("{}", finish: #""stop""#)).finished?.stopReason == "end_turn")
        #expect(read(Self.dialect(), text, "[DONE]").finished?.stopReason == "end_turn")
        #expect(read(Self.dialect(), "[DONE]").failure?.kind == .transient)
        #expect(read(Self.dialect(), Self.chunk("{}", finish: #""content_filter""#)).failure?.kind == .refused)
        #expect(read(Self.dialect(), text, Self.chunk("{}", finish: #""length""#)).finished?.stopReason == "max_tokens")
    }

    @Test(
        "calls as hosts really send them: without an index, with one index for all, ids again, arguments as an object, stop",
        arguments: [
            // Whole calls without an index.
            [
                #"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]}"#
            ],
            // One index for several whole calls with ids of their own.
            [
                #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#,
                #"{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}"#,
            ],
            // Id and name again in every fragment.
            [
                #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}"#,
                #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}]}"#,
                #"{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":""}}]}"#,
            ],
            // No index and pieces without an id.
            [
                #"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}"#,
                #"{"tool_calls":[{"function":{"arguments":"1}"}}]}"#,
                #"{"tool_calls":[{"id":"b","function":{"name":"g"}}]}"#,
            ],
            // Arguments as an object.
            [
                #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}},{"index":1,"id":"b","function":{"name":"g","arguments":{}}}]}"#
            ],
        ]
    )
    func calls(deltas: [String]) {
        let lines = deltas.map { Self.chunk($0) } + [Self.chunk("{}", finish: #""stop""#), "[DONE]"]
        let answer = read([Array(recorded(lines).utf8)[...]], Self.dialect())
        #expect(answer.calls.map(\.id) == ["a", "b"] && answer.calls.map(\.name) == ["f", "g"])
        #expect(answer.calls.map { String(decoding: $0.input, as: UTF8.self) } == [#"{"x":1}"#, "{}"])
        #expect(answer.finished?.stopReason == "tool_use")
    }

    @Test("calls without ids get ones of their own, the same at every reading; the old form of a call is one too")
    func ids() {
        let fragment =
            #"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}},{"index":1,"id":"","function":{"name":"g","arguments":"{}"}}]}"#
        let one = read(Self.dialect(), Self.chunk(fragment, finish: #""tool_calls""#))
        #expect(Set(one.calls.map(\.id)).count == 2 && one.calls.allSatisfy { $0.id.hasPrefix("call_") })
        #expect(read(Self.dialect(), Self.chunk(fragment, finish: #""tool_calls""#)) == one)
        let old = read(
            Self.dialect(),
            Self.chunk(#"{"function_call":{"name":"f","arguments":"{\"a\""}}"#),
            Self.chunk(#"{"function_call":{"arguments":":1}"}}"#, finish: #""function_call""#)
        )
        #expect(old.calls.map { String(decoding: $0.input, as: UTF8.self) } == [#"{"a":1}"#])
    }

    @Test("what a model thinks is shown, and goes back to the same host within a tool loop")
    func reasoning() {
        let call = Self.chunk(
            #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
            finish: #""tool_calls""#
        )
        let deepSeek = read(
            Self.dialect("deepseek", "https://api.deepseek.com/v1"),
            Self.chunk(#"{"reasoning_content":"so "}"#),
            Self.chunk(#"{"reasoning_content":"what"}"#),
            call
        )
        #expect(deepSeek.thinking == "so what")
        #expect(
            deepSeek.opaque == [
                ["dialect": "openai-completions@deepseek", "block": ["reasoning_content": "so what"]]
            ]
        )
        let openRouter = read(
            Self.dialect("openrouter", "https://openrouter.ai/api/v1"),
            Self.chunk(
                #"{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s"}]}"#
            ),
            call
        )
        #expect(openRouter.thinking == "hm")
        #expect(openRouter.opaque.first?["block"]?["reasoning_details"]?.array?.first?["signature"] == "s")
        let mistral = read(
            Self.dialect("mistral", "https://api.mistral.ai/v1"),
            Self.chunk(
                #"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"hi"}]}"#,
                finish: #""stop""#
            )
        )
        #expect(mistral.thinking == "t" && mistral.text == "hi" && mistral.opaque.isEmpty)
    }

    @Test("errors after HTTP 200, alone, beside choices, or as the reason of the end")
    func inBand() {
        let cases: [(String, HubModelEvent.Failed.Kind)] = [
            (#"{"error":{"message":"x","type":"server_error","code":null}}"#, .transient),
            (#"{"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}}"#, .billing),
            (
                #"{"id":"x","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
                .transient
            ),
            (Self.chunk("{}", finish: #""error""#), .transient),
            (Self.chunk("{}", finish: #""insufficient_system_resource""#), .overloaded),
        ]
        for (line, kind) in cases {
            let answer = read(Self.dialect(), Self.chunk(#"{"content":"par"}"#), line)
            #expect(answer.failure?.kind == kind && answer.text == "par", "\(line)")
        }
    }

    @Test("counts in every chunk, in a choice, or under a vendor's name: the last ones count and are never added up")
    func counts() {
        let each = read(
            Self.dialect(),
            Self.chunk(#"{"content":"a"}"#, #","usage":{"prompt_tokens":7,"completion_tokens":1}"#),
            Self.chunk(#"{"content":"b"}"#, finish: #""stop""#, #","usage":{"prompt_tokens":7,"completion_tokens":2}"#)
        )
        #expect(each.finished?.usage.input == 7 && each.finished?.usage.output == 2)
        let choice = read(
            Self.dialect(),
            #"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":5,"completion_tokens":6}}]}"#
        )
        #expect(choice.finished?.usage.input == 5)
        let groq = read(
            Self.dialect(),
            Self.chunk(
                #"{"content":"a"}"#,
                finish: #""stop""#,
                #","x_groq":{"usage":{"prompt_tokens":8,"completion_tokens":1}}"#
            )
        )
        #expect(groq.finished?.usage.input == 8)
        let none = read(Self.dialect(), Self.chunk(#"{"content":"a"}"#, finish: #""stop""#))
        #expect(none.finished != nil && none.source == .none)
        let cut = read(
            Self.dialect(),
            Self.chunk(#"{"content":"a"}"#, #","usage":{"prompt_tokens":7,"completion_tokens":1}"#)
        )
        #expect(cut.failure?.kind == .cut && cut.source == .partial)
    }

    @Test("an answer in one piece, from a host that knows no streams")
    func whole() throws {
        var reader = Self.dialect().reader(.hello())
        let events = try reader.take(
            whole: JSON(
                parsing:
                    #"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#
                    .utf8
            )
        )
        #expect(events.map(\.text) == ["hi"])
        #expect(try reader.end().map(\.toolUse.name) == ["f"])
    }

    @Test("strange values never trap")
    func strange() {
        let lines = [
            "null", "[]", "1", #"{"choices":null}"#, #"{"choices":[null,1,{}]}"#, #"{"choices":[{"delta":null}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[null,{"index":1e300},{"index":-9223372036854775808}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":{"index":0}}}],"usage":{"prompt_tokens":-1,"completion_tokens":1e40}}"#,
            #"{"usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":9,"cache_write_tokens":9}}}"#,
        ]
        for line in lines { _ = read(Self.dialect(), line) }
    }
}
