import FoundationEssentials
import IPCHub
import Runtime
import Synchronization
import Testing

@testable import ModelDemo

@Suite struct DemoModelTests {
    private final class Record: Sendable {
        let events = Mutex<[HubModelEvent]>([])
        let pauses = Mutex<[Duration]>([])
    }

    private static func message(_ role: HubModelMessage.Role, _ text: String) -> HubModelMessage {
        var block = HubModelBlock()
        block.text = text
        var message = HubModelMessage()
        message.role = role
        message.blocks = [block]
        return message
    }

    private static func ask(
        _ messages: [HubModelMessage],
        tools: Bool = true,
        pace: Int = 0
    ) async throws -> Record {
        var request = HubModelRequest()
        request.model = "demo"
        var tool = HubModelTool()
        tool.name = "session_status"
        if tools { request.tools = [tool] }
        let record = Record()
        let model = DemoModel(charactersPerSecond: pace) { pause in record.pauses.withLock { $0.append(pause) } }
        try await model.answer(
            ModelCall(request: request, messages: messages),
            into: ModelAnswer { event in record.events.withLock { $0.append(event) } }
        )
        return record
    }

    private static func text(_ record: Record) -> String {
        record.events.withLock { $0.map(\.text).joined() }
    }

    @Test("it says what it is, what was said, and what to type for a real model")
    func echo() async throws {
        let record = try await Self.ask([Self.message(.user, "hello there")])
        let text = Self.text(record)
        #expect(text.contains("demonstration model") && text.contains("no provider has a key"))
        #expect(text.contains("2 words: “hello there”"))
        #expect(text.contains("ANTHROPIC_API_KEY="))
        let last = try #require(record.events.withLock { $0.last })
        #expect(last.finished.stopReason == "end_turn")
        #expect(last.finished.usage.output > 0)
    }

    @Test("the same conversation gets the same answer")
    func deterministic() async throws {
        let messages = [Self.message(.user, "a"), Self.message(.assistant, "b"), Self.message(.user, "c")]
        let first = Self.text(try await Self.ask(messages))
        #expect(first == Self.text(try await Self.ask(messages, pace: 100)))
        #expect(first.contains("I see 1 before it"))
    }

    @Test("it streams word by word at the pace asked for")
    func pace() async throws {
        let record = try await Self.ask([Self.message(.user, "x")], pace: 100)
        let events = record.events.withLock { $0 }
        #expect(events.count > 20)
        #expect(events.dropLast().allSatisfy { $0.text.split(whereSeparator: \.isWhitespace).count == 1 })
        let sum = record.pauses.withLock { $0.reduce(.zero, +) }
        #expect(sum == .milliseconds(Self.text(record).count * 10))
    }

    @Test("asked for status it calls the tool, and tells its result")
    func tool() async throws {
        let question = Self.message(.user, "what is your Status?")
        let first = try await Self.ask([question])
        let events = first.events.withLock { $0 }
        let use = try #require(events.first { $0.toolUse.name == "session_status" }).toolUse
        #expect(!use.id.isEmpty && use.input == Data("{}".utf8))
        #expect(events.last?.finished.stopReason == "tool_use")

        var call = HubModelBlock()
        call.toolUse = use
        var assistant = HubModelMessage()
        assistant.role = .assistant
        assistant.blocks = [call]
        var result = HubModelBlock()
        result.toolResult.toolUseID = use.id
        result.toolResult.text = "Session: agent:main:main"
        var answer = HubModelMessage()
        answer.blocks = [result]
        let second = try await Self.ask([question, assistant, answer])
        #expect(Self.text(second).contains("Session: agent:main:main"))
        #expect(second.events.withLock { $0.last }?.finished.stopReason == "end_turn")
    }

    @Test("without the tool it does not call it")
    func noTool() async throws {
        let record = try await Self.ask([Self.message(.user, "status")], tools: false)
        #expect(record.events.withLock { $0.last }?.finished.stopReason == "end_turn")
    }

    @Test("a long message is given back in part")
    func bound() async throws {
        let record = try await Self.ask([Self.message(.user, String(repeating: "a", count: 100_000))])
        #expect(Self.text(record).count < 2_000)
    }
}
