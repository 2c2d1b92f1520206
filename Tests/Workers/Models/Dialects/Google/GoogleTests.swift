import Config
import Failover
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelGoogle

@Suite("Gemini: calls and answers")
struct GoogleTests {
    private static func dialect(_ version: String = "") -> GoogleDialect {
        var config = ProviderConfig()
        (config.provider, config.dialect) = ("google", .google)
        (config.baseURL, config.apiVersion) = ("https://generativelanguage.googleapis.com", version)
        return GoogleDialect(config)
    }

    private static func chunk(_ parts: String, finish: String = "", usage: String = "") -> String {
        let reason = finish.isEmpty ? "" : #","finishReason":"\#(finish)""#
        let counts = usage.isEmpty ? "" : #","usageMetadata":\#(usage)"#
        return
            #"{"candidates":[{"content":{"role":"model","parts":\#(parts)},"index":0\#(reason)}],"modelVersion":"gemini-x"\#(counts)}"#
    }

    private static let counts =
        #"{"promptTokenCount":29,"cachedContentTokenCount":9,"candidatesTokenCount":15,"thoughtsTokenCount":804,"totalTokenCount":848}"#

    private static let recording = recorded([
        chunk(#"[{"text":"hm","thought":true}]"#, usage: #"{"promptTokenCount":29,"totalTokenCount":29}"#),
        chunk(#"[{"text":"Let me 🌦 "}]"#), chunk(#"[{"text":"look"}]"#), #"{"responseId":"x"}"#,
        chunk(
            #"[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"g"}}]"#
        ),
        chunk(#"[{"text":"","thoughtSignature":"bGFzdA=="}]"#, finish: "STOP", usage: counts),
    ])

    @Test("a recording with everything in it reads the same however it is cut")
    func recording() throws {
        let answer = expectSameHoweverCut(Self.recording, Self.dialect())
        #expect(answer.text == "Let me 🌦 look" && answer.thinking == "hm")
        #expect(answer.calls.map(\.name) == ["f", "g"] && Set(answer.calls.map(\.id)).count == 2)
        #expect(answer.calls.map { String(decoding: $0.input, as: UTF8.self) } == [#"{"a":1}"#, "{}"])
        #expect(
            answer.opaque == [
                ["dialect": "google", "block": ["call": .string(answer.calls[0].id), "thoughtSignature": "c2ln"]],
                ["dialect": "google", "block": ["thoughtSignature": "bGFzdA=="]],
            ]
        )
        let finished = try #require(answer.finished)
        #expect(finished.stopReason == "tool_use" && finished.model == "gemini-x")
        #expect(finished.usage.input == 20 && finished.usage.cacheRead == 9 && finished.usage.output == 819)
        #expect(finished.usage.reasoning == 804 && answer.source == .reported && answer.skipped == 1)
    }

    @Test("the end is a finishReason; without one the answer is cut")
    func ends() {
        let text = #"[{"text":"par"}]"#
        #expect(read(Self.dialect(), Self.chunk(text)).failure?.kind == .cut)
        #expect(read(Self.dialect(), Self.chunk(text, finish: "MAX_TOKENS")).finished?.stopReason == "max_tokens")
        #expect(read(Self.dialect(), Self.chunk(text, finish: "SAFETY")).finished?.stopReason == "refusal")
        #expect(read(Self.dialect(), Self.chunk("[]", finish: "SAFETY")).failure?.kind == .refused)
        #expect(read(Self.dialect(), Self.chunk("[]", finish: "STOP")).failure?.kind == .transient)
        #expect(read(Self.dialect(), Self.chunk("[]", finish: "MALFORMED_FUNCTION_CALL")).failure?.kind == .transient)
        #expect(read(Self.dialect(), #"{"promptFeedback":{"blockReason":"SAFETY"}}"#).failure?.kind == .refused)
        let error = #"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#
        #expect(read(Self.dialect(), Self.chunk(text), error).failure?.kind == .overloaded)
    }

    @Test("an array in one piece, as without alt=sse, and strange values")
    func whole() throws {
        var reader = Self.dialect().reader(.hello())
        let chunks = "[\(Self.chunk(#"[{"text":"a"}]"#)),\(Self.chunk(#"[{"text":"b"}]"#, finish: "STOP"))]"
        #expect(try reader.take(whole: JSON(parsing: chunks.utf8)).map(\.text) == ["a", "b"])
        for line in [
            "null", "[]", #"{"candidates":[null,{"content":{"parts":[null,1]}}]}"#,
            #"{"usageMetadata":{"promptTokenCount":-1}}"#,
        ] {
            _ = read(Self.dialect(), line)
        }
        let huge =
            #"{"usageMetadata":{"promptTokenCount":9223372036854775807,"candidatesTokenCount":9223372036854775807,"thoughtsTokenCount":9223372036854775807,"toolUsePromptTokenCount":9223372036854775807}}"#
        _ = read(Self.dialect(), huge, huge)
    }

    @Test("every field of a call; signatures stand where they came from")
    func fields() throws {
        let call = ModelCall.hello(model: "gemini-3-pro") {
            $0.request.system = "be brief"
            $0.request.tools = [.weather()]
            $0.request.thinking = "low"
            $0.messages = [
                .user(.text("look"), .image([1, 2, 3])),
                .assistant(
                    .opaque("google", ["call": "call_1", "thoughtSignature": "c2ln"]),
                    .opaque("anthropic", ["type": "thinking"]),
                    .text("I look"),
                    .call("call_1", "weather", #"{"city":"Bonn"}"#),
                    .call("call_2", "weather"),
                    .opaque("google", ["thoughtSignature": "bGFzdA=="])
                ), .user(.result("call_1", "rain"), .result("call_2", "no", isError: true), .text("and?")),
            ]
        }
        let body = try body(call, Self.dialect())
        #expect(body["systemInstruction"] == ["parts": [["text": "be brief"]]])
        #expect(
            body["generationConfig"] == [
                "maxOutputTokens": 100, "thinkingConfig": ["includeThoughts": true, "thinkingLevel": "low"],
            ]
        )
        #expect(
            body["tools"] == [
                [
                    "functionDeclarations": [
                        [
                            "name": "weather", "description": "Tells the weather",
                            "parameters": [
                                "type": "object", "properties": ["city": ["type": "string"]], "required": ["city"],
                            ],
                        ]
                    ]
                ]
            ]
        )
        #expect(
            body["contents"] == [
                [
                    "role": "user",
                    "parts": [["text": "look"], ["inlineData": ["mimeType": "image/png", "data": "AQID"]]],
                ],
                [
                    "role": "model",
                    "parts": [
                        ["text": "I look"],
                        [
                            "functionCall": ["name": "weather", "args": ["city": "Bonn"]], "thoughtSignature": "c2ln",
                        ], ["functionCall": ["name": "weather", "args": [:]]],
                        ["text": "", "thoughtSignature": "bGFzdA=="],
                    ],
                ],
                [
                    "role": "user",
                    "parts": [
                        ["functionResponse": ["name": "weather", "response": ["output": "rain"]]],
                        ["functionResponse": ["name": "weather", "response": ["error": "no"]]], ["text": "and?"],
                    ],
                ],
            ]
        )
    }

    @Test("calls of another provider's model get the documented mark in place of a signature, for Gemini 3 only")
    func foreignCalls() throws {
        func mark(_ model: String) throws -> JSON? {
            let call = ModelCall.hello(model: model) {
                $0.messages = [.user(.text("q")), .assistant(.call("toolu_1", "f")), .user(.result("toolu_1", "r"))]
            }
            return try body(call, Self.dialect())["contents"]?.array?[1]["parts"]?.array?.first?["thoughtSignature"]
        }
        #expect(try mark("gemini-3-pro") == "skip_thought_signature_validator")
        #expect(try mark("gemini-2.5-flash") == nil)
    }

    @Test("the path holds version and model, the key goes as a header; a name that is none goes nowhere")
    func addressing() throws {
        let key = ProviderKey(profile: "p", kind: .apiKey, value: "k")
        let path = try Self.dialect().request(.hello(model: "models/gemini-x"), key: key).path
        #expect(path == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse")
        #expect(try Self.dialect("v1").request(.hello(model: "g"), key: key).path.hasPrefix("/v1/models/g:"))
        #expect(Self.dialect().authentication(key).map(\.name) == ["x-goog-api-key"])
        for model in ["", "a/b", "a?b", "a b", "../x", "ü"] {
            #expect(throws: CallFailure.self, "\(model)") {
                _ = try Self.dialect().request(.hello(model: model), key: key)
            }
        }
    }

    @Test("a schema is cut down to what Google takes")
    func schema() throws {
        let schema = try JSON(
            parsing: #"""
                {"$schema":"x","type":"object","additionalProperties":false,"$defs":{"P":{"type":"object","properties":{"x":{"type":"number","exclusiveMinimum":0}}}},
                 "properties":{"p":{"$ref":"#/$defs/P"},"t":{"type":["string","null"]},"c":{"const":"a"},"e":{"enum":["a",1]},
                  "o":{"oneOf":[{"type":"string"},{"type":"null"}]},"m":{"anyOf":[{"type":"string"},{"type":"integer"}]},"l":{"type":"array"},
                  "d":{"type":"string","format":"uri"}},
                 "required":["p","gone"]}
                """#.utf8
        )
        #expect(
            GoogleSchema.reduced(schema) == [
                "type": "object",
                "properties": [
                    "p": ["type": "object", "properties": ["x": ["type": "number"]]],
                    "t": ["nullable": true, "type": "string"], "c": ["enum": ["a"], "type": "string"],
                    "e": ["enum": ["a"], "type": "string"], "o": ["nullable": true, "type": "string"],
                    "m": ["anyOf": [["type": "string"], ["type": "integer"]]],
                    "l": ["type": "array", "items": ["type": "string"]], "d": ["type": "string"],
                ], "required": ["p"],
            ]
        )
        let circle = try JSON(
            parsing: ##"{"$defs":{"A":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}}}},"$ref":"#/$defs/A"}"##
                .utf8
        )
        #expect(GoogleSchema.reduced(circle)["type"] == "object")
        // Two ways back to itself are two to the power of the depth.
        let twice = try JSON(
            parsing:
                ##"{"$defs":{"A":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"b":{"$ref":"#/$defs/A"}}}},"$ref":"#/$defs/A"}"##
                .utf8
        )
        #expect(GoogleSchema.reduced(twice).encoded().count < 200_000)
    }
}
