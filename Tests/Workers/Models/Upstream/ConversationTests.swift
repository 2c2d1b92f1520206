import FoundationEssentials
import IPCHub
import Runtime
import SwiftProtobuf
import TestSupport
import Testing

@testable import ModelUpstream

@Suite("A conversation as every provider takes it")
struct ConversationTests {
    private static func text(_ text: String) -> HubModelBlock { .with { $0.text = text } }

    private static func call(_ id: String, _ name: String = "f", _ input: String = "{}") -> HubModelBlock {
        .with {
            $0.toolUse.id = id
            $0.toolUse.name = name
            $0.toolUse.input = Data(input.utf8)
        }
    }

    private static func result(_ id: String, _ text: String = "ok") -> HubModelBlock {
        .with {
            $0.toolResult.toolUseID = id
            $0.toolResult.text = text
        }
    }

    private static func opaque(_ dialect: String) -> HubModelBlock {
        .with { $0.opaque = Data(OpaqueBlock(dialect: dialect, block: ["a": 1]).encoded()) }
    }

    private static func user(_ blocks: HubModelBlock...) -> HubModelMessage { .with { $0.blocks = blocks } }

    private static func assistant(_ blocks: HubModelBlock...) -> HubModelMessage {
        .with { ($0.role, $0.blocks) = (.assistant, blocks) }
    }

    private static func read(_ messages: HubModelMessage..., ids: ToolCallID.Rule = .word(limit: 64)) -> [Conversation
        .Message]
    {
        Conversation(messages, owner: "mine", ids: ids).messages
    }

    @Test("only our own sealed blocks go back; blocks of before there were dialects are Anthropic's")
    func opaque() {
        let bare = HubModelBlock.with { $0.opaque = Data(#"{"type":"thinking","thinking":"x","signature":"s"}"#.utf8) }
        let broken = HubModelBlock.with { $0.opaque = Data("{".utf8) }
        let messages = [
            Self.user(Self.text("q")),
            Self.assistant(Self.opaque("mine"), Self.opaque("theirs"), bare, broken, Self.text("a")),
        ]
        #expect(
            Conversation(messages, owner: "mine", ids: .nine).messages[1].blocks == [.opaque(["a": 1]), .text("a")]
        )
        let old = Conversation(messages, owner: "anthropic", ids: .nine).messages[1].blocks
        #expect(old == [.opaque(["type": "thinking", "thinking": "x", "signature": "s"]), .text("a")])
    }

    @Test("every call is followed by its result, in the order of the calls, before anything else")
    func pairs() {
        let messages = Self.read(
            Self.user(Self.text("q")),
            Self.assistant(Self.call("1", "f"), Self.call("2", "g")),
            Self.user(Self.text("more"), Self.result("2"), Self.result("1", "first"))
        )
        #expect(
            messages[2].blocks == [
                .toolResult(id: "1", name: "f", text: "first", isError: false),
                .toolResult(id: "2", name: "g", text: "ok", isError: false), .text("more"),
            ]
        )
    }

    @Test("a call without a result gets one that says so, also at the end and between two answers")
    func dangling() {
        let lost = Conversation.Block.toolResult(id: "1", name: "f", text: Conversation.unknownEffect, isError: true)
        #expect(Self.read(Self.user(Self.text("q")), Self.assistant(Self.call("1"))).last?.blocks == [lost])
        let messages = Self.read(
            Self.user(Self.text("q")),
            Self.assistant(Self.call("1")),
            Self.user(Self.text("and?"))
        )
        #expect(messages.last?.blocks == [lost, .text("and?")])
    }

    @Test("results that nobody called for, empty texts and empty messages go; neighbours are joined; a user begins")
    func tidy() {
        let messages = Self.read(
            Self.assistant(Self.text("hello")),
            Self.user(Self.result("9"), Self.text("")),
            Self.assistant(Self.text("again")),
            Self.user(Self.text("a")),
            Self.user(Self.text("b"))
        )
        #expect(messages.map(\.role) == [.user, .assistant, .user])
        #expect(messages[1].blocks == [.text("hello"), .text("again")])
        #expect(messages[2].blocks == [.text("a"), .text("b")])
    }

    @Test("ids that a provider refuses become others, the same for a call and its result and at every time")
    func ids() {
        let id = "toolu_01|with odd.characters"
        for (rule, length) in [(ToolCallID.Rule.nine, 9), (.word(limit: 40), 29)] {
            let messages = Self.read(
                Self.user(Self.text("q")),
                Self.assistant(Self.call(id)),
                Self.user(Self.result(id)),
                ids: rule
            )
            guard case .toolUse(let first, _, _)? = messages[1].blocks.first,
                case .toolResult(let second, _, let text, _)? = messages[2].blocks.first
            else {
                Issue.record("no call and result")
                continue
            }
            #expect(first == second && text == "ok" && first == ToolCallID.fit(id, rule) && first.utf8.count == length)
        }
        #expect(ToolCallID.fit("call_abc", .word(limit: 40)) == "call_abc")
        #expect(ToolCallID.fit("Abc123xyZ", .nine) == "Abc123xyZ")
    }

    @Test("arguments that are no object become none")
    func arguments() {
        for input in ["", "[1]", "{", "null"] {
            let messages = Self.read(Self.user(Self.text("q")), Self.assistant(Self.call("1", "f", input)))
            #expect(messages[1].blocks == [.toolUse(id: "1", name: "f", input: [:])])
        }
    }

    @Test("random histories are always alternating, begun by a user, with every call closed at once")
    func random() {
        var generator = SplitMix(seed: 3)
        for _ in 0..<2000 {
            let source = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                HubModelMessage.with { message in
                    message.role = Bool.random(using: &generator) ? .assistant : .user
                    message.blocks = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                        let id = String(Int.random(in: 0...3, using: &generator))
                        return [
                            Self.text(""), Self.text("t"), Self.call(id), Self.result(id), Self.opaque("mine"),
                        ].randomElement(using: &generator) ?? Self.text("t")
                    }
                }
            }
            let messages = Conversation(source, owner: "mine", ids: .word(limit: 64)).messages
            #expect(messages.first?.role != .assistant)
            for (index, message) in messages.enumerated() {
                if index > 0 { #expect(message.role != messages[index - 1].role) }
                let calls = message.blocks.compactMap { if case .toolUse(let id, _, _) = $0 { id } else { nil } }
                let next = index + 1 < messages.count ? messages[index + 1].blocks : []
                let results = next.prefix(calls.count).compactMap {
                    if case .toolResult(let id, _, _, _) = $0 { id } else { nil }
                }
                #expect(results == calls)
                if message.role == .user, index == 0 {
                    #expect(!message.blocks.contains { if case .toolResult = $0 { true } else { false } })
                }
            }
        }
    }
}
