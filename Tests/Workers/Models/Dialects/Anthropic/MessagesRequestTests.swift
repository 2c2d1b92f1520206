import Config
import Failover
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelAnthropic

@Suite("Anthropic: writing a call")
struct MessagesRequestTests {
    private static func dialect(
        _ url: String = "https://api.anthropic.com",
        _ change: (inout ProviderConfig) -> Void = { _ in }
    )
        -> AnthropicDialect
    {
        var config = ProviderConfig()
        config.provider = "anthropic"
        config.baseURL = url
        change(&config)
        return AnthropicDialect(config)
    }

    private static let cached: JSON = ["type": "ephemeral"]

    @Test("every field of a call, with its three breakpoints")
    func fields() throws {
        let call = ModelCall.hello(model: "claude-x") {
            $0.request.system = "be brief"
            $0.request.tools = [.weather(), .weather()]
            $0.messages = [
                .user(.text("weather?")),
                .assistant(
                    .opaque("anthropic", ["type": "thinking", "thinking": "t", "signature": "s"]),
                    .text("looking"),
                    .call("toolu_1", "weather", #"{"city":"Bonn"}"#)
                ), .user(.result("toolu_1", "rain", isError: true)),
            ]
        }
        let schema: JSON = ["type": "object", "properties": ["city": ["type": "string"]], "required": ["city"]]
        let body = try body(call, Self.dialect())
        #expect(body["model"] == "claude-x" && body["max_tokens"] == 100 && body["stream"] == true)
        #expect(body["system"] == [["type": "text", "text": "be brief", "cache_control": Self.cached]])
        #expect(
            body["tools"] == [
                ["name": "weather", "description": "Tells the weather", "input_schema": schema],
                [
                    "name": "weather", "description": "Tells the weather", "input_schema": schema,
                    "cache_control": Self.cached,
                ],
            ]
        )
        #expect(
            body["messages"] == [
                ["role": "user", "content": [["type": "text", "text": "weather?"]]],
                [
                    "role": "assistant",
                    "content": [
                        ["type": "thinking", "thinking": "t", "signature": "s"], ["type": "text", "text": "looking"],
                        ["type": "tool_use", "id": "toolu_1", "name": "weather", "input": ["city": "Bonn"]],
                    ],
                ],
                [
                    "role": "user",
                    "content": [
                        [
                            "type": "tool_result", "tool_use_id": "toolu_1",
                            "content": [["type": "text", "text": "rain"]], "is_error": true,
                            "cache_control": Self.cached,
                        ]
                    ],
                ],
            ]
        )
        #expect(body["thinking"] == nil && body["temperature"] == nil && body["output_config"] == nil)
    }

    @Test("a picture of any size is base64 beside the words, and the end of the conversation is marked")
    func pictures() throws {
        for count in [1, 2, 3, 48 * 1024, 48 * 1024 + 1, 150_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            for isLast in [true, false] {
                let blocks: [HubModelBlock] = isLast ? [.text("see"), .image(bytes)] : [.image(bytes), .text("see")]
                let call = ModelCall.hello { $0.messages[0].blocks = blocks }
                let content = try #require(try body(call, Self.dialect())["messages"]?.array?.first?["content"]?.array)
                let picture = try #require(content.first { $0["type"] == "image" })
                #expect(picture["source"]?["data"]?.string == Data(bytes).base64EncodedString())
                #expect(picture["source"]?["media_type"] == "image/png")
                #expect(content.last?["cache_control"] == Self.cached && content.first?["cache_control"] == nil)
            }
        }
    }

    @Test("sealed blocks of other providers do not go")
    func foreign() throws {
        let call = ModelCall.hello {
            $0.messages = [
                .user(.text("q")), .assistant(.opaque("google", ["thoughtSignature": "s"]), .text("a")),
                .user(.text("r")),
            ]
        }
        let body = try body(call, Self.dialect())
        #expect(body["messages"]?.array?[1]["content"] == [["type": "text", "text": "a"]])
        let elsewhere = Self.dialect("https://api.minimax.io/anthropic") { $0.provider = "minimax" }
        #expect(elsewhere.owner == "anthropic@minimax")
    }

    @Test("how much to think is said in the words of the model's generation")
    func thinking() throws {
        func asked(_ model: String, _ thinking: String, _ dialect: AnthropicDialect = Self.dialect()) throws -> JSON {
            try body(
                .hello(model: model) {
                    $0.request.thinking = thinking
                    $0.request.maxTokens = 4000
                },
                dialect
            )
        }
        let adaptive = try asked("claude-opus-4-6", "high")
        #expect(adaptive["thinking"] == ["type": "adaptive"] && adaptive["output_config"] == ["effort": "high"])
        #expect(adaptive["max_tokens"] == 4000)
        let budget = try asked("claude-sonnet-4-5-20250929", "medium")
        #expect(budget["thinking"] == ["type": "enabled", "budget_tokens": 8192] && budget["max_tokens"] == 12_192)
        let bounded = Self.dialect { config in
            var model = ProviderConfig.Model()
            (model.id, model.maxTokens) = ("claude-haiku-4-5", 8192)
            config.models = [model]
        }
        let small = try asked("claude-haiku-4-5", "xhigh", bounded)
        #expect(small["max_tokens"] == 8192 && small["thinking"]?["budget_tokens"] == 7168)
        for (model, thinking) in [
            ("claude-3-5-sonnet-20241022", "high"), ("claude-opus-4-6", "off"), ("claude-opus-4-6", ""),
        ] {
            #expect(try asked(model, thinking)["thinking"] == nil)
        }
    }

    @Test("the second version at Anthropic's own address, the first elsewhere, and the configured one anywhere")
    func versions() {
        #expect(Self.dialect().version == "2026-10-21")
        #expect(Self.dialect("https://api.minimax.io/anthropic").version == "2023-06-01")
        #expect(Self.dialect { $0.apiVersion = "2023-06-01" }.version == "2023-06-01")
    }

    @Test("keys go as the version has it, tokens always as Bearer, setup tokens with their beta")
    func authentication() {
        func headers(_ kind: ProviderKey.Kind, _ value: String, _ version: String) -> [String: String] {
            let dialect = Self.dialect { $0.apiVersion = version }
            let fields = dialect.authentication(ProviderKey(profile: "p", kind: kind, value: value))
            return Dictionary(fields.map { ($0.name, $0.value) }) { $1 }
        }
        #expect(headers(.apiKey, "k", "2023-06-01") == ["x-api-key": "k"])
        #expect(headers(.apiKey, "k", "2026-10-21") == ["authorization": "Bearer k"])
        #expect(headers(.bearer, "t", "2023-06-01") == ["authorization": "Bearer t"])
        #expect(headers(.none, "", "2023-06-01") == [:])
        #expect(
            headers(.apiKey, "sk-ant-oat01-x", "2023-06-01") == [
                "authorization": "Bearer sk-ant-oat01-x", "anthropic-beta": "oauth-2025-04-20",
            ]
        )
    }
}
