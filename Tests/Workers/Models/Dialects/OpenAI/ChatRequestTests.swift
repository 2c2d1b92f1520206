import Config
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelOpenAI

@Suite("Chat completions: writing a call")
struct ChatRequestTests {
    private static let conversation: ModelCall = .hello(model: "gpt-x") {
        $0.request.system = "be brief"
        $0.request.tools = [.weather()]
        $0.messages = [
            .user(.text("look"), .image([1, 2, 3])),
            .assistant(
                .opaque("anthropic", ["type": "thinking", "thinking": "t", "signature": "s"]),
                .text("I look"),
                .call("toolu_1", "weather", #"{"city":"Bonn"}"#),
                .call("toolu_2", "weather")
            ), .user(.result("toolu_2", "sun"), .result("toolu_1", "rain"), .text("and?")),
        ]
    }

    @Test("every field of a call")
    func fields() throws {
        let body = try body(Self.conversation, ChatStreamTests.dialect("vllm", "http://127.0.0.1:8000/v1"))
        #expect(body["model"] == "gpt-x" && body["stream"] == true && body["max_tokens"] == 100)
        #expect(body["stream_options"] == ["include_usage": true])
        #expect(
            body["tools"] == [
                [
                    "type": "function",
                    "function": [
                        "name": "weather", "description": "Tells the weather",
                        "parameters": [
                            "type": "object", "properties": ["city": ["type": "string"]], "required": ["city"],
                        ],
                    ],
                ]
            ]
        )
        #expect(
            body["messages"] == [
                ["role": "system", "content": "be brief"],
                [
                    "role": "user",
                    "content": [
                        ["type": "text", "text": "look"],
                        ["type": "image_url", "image_url": ["url": "data:image/png;base64,AQID"]],
                    ],
                ],
                [
                    "role": "assistant", "content": "I look",
                    "tool_calls": [
                        [
                            "id": "toolu_1", "type": "function",
                            "function": ["name": "weather", "arguments": #"{"city":"Bonn"}"#],
                        ], ["id": "toolu_2", "type": "function", "function": ["name": "weather", "arguments": "{}"]],
                    ],
                ], ["role": "tool", "tool_call_id": "toolu_1", "content": "rain"],
                ["role": "tool", "tool_call_id": "toolu_2", "content": "sun"], ["role": "user", "content": "and?"],
            ]
        )
        for absent in ["store", "reasoning_effort", "prompt_cache_key", "temperature"] { #expect(body[absent] == nil) }
    }

    @Test("OpenAI's own names, and what only reasoning models are told")
    func openAI() throws {
        let dialect = ChatStreamTests.dialect { $0.maxTokensField = "max_completion_tokens" }
        let call = ModelCall.hello(model: "gpt-5.6") {
            $0.request.thinking = "low"
            $0.request.caller.sessionKey = "agent:main:main"
        }
        let body = try body(call, dialect)
        #expect(body["max_completion_tokens"] == 100 && body["max_tokens"] == nil && body["store"] == false)
        #expect(body["reasoning_effort"] == "low" && body["prompt_cache_key"]?.string?.count == 32)
        for (model, reasons) in [
            ("o3", true), ("gpt-4o", false), ("gpt-5-chat-latest", false), ("gpt-10", false), ("codex-mini", true),
        ] {
            #expect(OpenAIModel.reasons(model) == reasons, "\(model)")
        }
    }

    @Test(
        "a level of thinking becomes a word that the model knows",
        arguments: [
            ("minimal", "gpt-5-mini", "minimal"), ("minimal", "gpt-5.1", "low"), ("minimal", "o3", "low"),
            ("xhigh", "gpt-5.2", "xhigh"), ("xhigh", "gpt-5.1-codex-max", "xhigh"), ("xhigh", "gpt-5.1", "high"),
            ("xhigh", "gpt-6", "xhigh"), ("high", "o3", "high"), ("off", "gpt-5.2", nil), ("", "gpt-5.2", nil),
        ]
    )
    func efforts(_ thinking: String, _ model: String, _ word: String?) {
        #expect(OpenAIModel.effort(thinking, model) == word)
    }

    @Test("Mistral: ids of nine, names on results, a word of the assistant between a tool and a person, no options")
    func mistral() throws {
        let dialect = ChatStreamTests.dialect("mistral", "https://api.mistral.ai/v1") { $0.asksForUsage = false }
        let body = try body(Self.conversation, dialect)
        #expect(body["stream_options"] == nil)
        let messages = try #require(body["messages"]?.array)
        let ids = messages[2]["tool_calls"]?.array?.compactMap { $0["id"]?.string } ?? []
        #expect(ids.count == 2 && ids.allSatisfy { $0.utf8.count == 9 })
        #expect(messages[3]["tool_call_id"]?.string == ids[0] && messages[3]["name"] == "weather")
        #expect(
            messages.map { $0["role"]?.string } == ["system", "user", "assistant", "tool", "tool", "assistant", "user"]
        )
    }

    @Test("OpenRouter: Claude's breakpoints and one word for how much to think")
    func openRouter() throws {
        let call = ModelCall.hello(model: "anthropic/claude-x") {
            $0.request.system = "s"
            $0.request.thinking = "high"
        }
        let body = try body(call, ChatStreamTests.dialect("openrouter", "https://openrouter.ai/api/v1"))
        #expect(body["reasoning"] == ["effort": "high"])
        let mark: JSON = ["type": "ephemeral"]
        #expect(body["messages"]?.array?[0]["content"]?.array?.first?["cache_control"] == mark)
        #expect(body["messages"]?.array?[1]["content"]?.array?.first?["cache_control"] == mark)
    }

    @Test("what a host thought goes back to it alone")
    func reasoning() throws {
        let call = ModelCall.hello {
            $0.messages = [
                .user(.text("q")),
                .assistant(.opaque("openai-completions@deepseek", ["reasoning_content": "so"]), .call("c", "f")),
                .user(.result("c", "r")),
            ]
        }
        let own = try body(call, ChatStreamTests.dialect("deepseek", "https://api.deepseek.com/v1"))
        #expect(own["messages"]?.array?[1]["reasoning_content"] == "so")
        #expect(own["messages"]?.array?[1]["content"] == .null)
        let other = try body(call, ChatStreamTests.dialect("vllm", "http://127.0.0.1:8000/v1"))
        #expect(other["messages"]?.array?[1]["reasoning_content"] == nil)
    }
}
