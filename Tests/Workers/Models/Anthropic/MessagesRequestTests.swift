import FoundationEssentials
import IPCHub
import Runtime
import SwiftProtobuf
import Testing

@testable import ModelAnthropic

@Suite("The body of a call")
struct MessagesRequestTests {
    private static func image(_ bytes: [UInt8]) -> HubModelBlock {
        .with {
            $0.image.mime = "image/png"
            $0.image.data = Data(bytes)
        }
    }

    private static func body(_ messages: [HubModelMessage]) throws -> JSON {
        var request = HubModelRequest()
        request.model = "m"
        request.maxTokens = 5
        return try JSON(parsing: MessagesRequest.body(ModelCall(request: request, messages: messages)))
    }

    @Test("a picture of any size is base64 beside the words, and the end of the conversation is marked")
    func pictures() throws {
        for count in [1, 2, 3, 48 * 1024, 48 * 1024 + 1, 150_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let body = try Self.body([
                .with { $0.blocks = [Self.image(bytes), .with { $0.text = "what is it?" }] }
            ])
            #expect(body["model"] == "m" && body["max_tokens"] == 5 && body["stream"] == true)
            let message = try #require(body["messages"]?.array?.first)
            #expect(message["role"] == "user")
            let content = try #require(message["content"]?.array)
            #expect(
                content == [
                    [
                        "type": "image",
                        "source": [
                            "type": "base64", "media_type": "image/png",
                            "data": .string(Data(bytes).base64EncodedString()),
                        ],
                    ],
                    ["type": "text", "text": "what is it?", "cache_control": ["type": "ephemeral"]],
                ]
            )
        }
    }

    @Test("blocks that cannot be written are left out, wherever they stand")
    func unwritable() throws {
        let text = HubModelBlock.with { $0.text = "t" }
        let broken = HubModelBlock.with { $0.opaque = Data([1]) }
        for blocks in [[broken, text], [text, broken], [broken, text, broken, text], [broken], []] {
            let body = try Self.body([
                .with { $0.blocks = blocks }, .with { ($0.role, $0.blocks) = (.assistant, [text, broken, text]) },
            ])
            let counts = body["messages"]?.array?.map { $0["content"]?.array?.count ?? -1 }
            #expect(counts == [blocks.count { $0 == text }, 2])
        }
    }
}
