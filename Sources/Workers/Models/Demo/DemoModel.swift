internal import FoundationEssentials
internal import IPCHub
package import Runtime

/// A model that is none: it says what it is, gives back what was said, and shows the tool loop when asked for status.
///
/// The same conversation always gets the same answer.
package struct DemoModel: ModelProvider {
    private let charactersPerSecond: Int
    private let pause: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - charactersPerSecond: pace of the answer; 0 or less: all at once.
    ///   - pause: waits between two words.
    package init(charactersPerSecond: Int, pause: @escaping @Sendable (Duration) async throws -> Void) {
        self.charactersPerSecond = charactersPerSecond
        self.pause = pause
    }

    package func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        var finished = HubModelEvent.Finished()
        finished.model = call.request.model
        finished.usage.input = Self.tokens(call.messages.reduce(call.request.system.utf8.count) { $0 + Self.size($1) })
        switch DemoScript.reply(to: call) {
        case .say(let text):
            try await say(text, into: answer)
            finished.stopReason = "end_turn"
            finished.usage.output = Self.tokens(text.utf8.count)
        case .askStatus(let text, let id):
            try await say(text, into: answer)
            var use = HubModelBlock.ToolUse()
            use.id = id
            use.name = DemoScript.tool
            use.input = Data("{}".utf8)
            try await answer.toolUse(use)
            finished.stopReason = "tool_use"
            finished.usage.output = Self.tokens(text.utf8.count) + 20
        }
        try await answer.finished(finished)
    }

    /// Word by word, at the pace asked for.
    private func say(_ text: String, into answer: ModelAnswer) async throws {
        guard charactersPerSecond > 0 else { return try await answer.text(text) }
        for word in DemoScript.words(text) {
            try await answer.text(word)
            try await pause(.microseconds(word.count * 1_000_000 / charactersPerSecond))
        }
    }

    /// About four bytes a token.
    private static func tokens(_ bytes: Int) -> UInt64 { UInt64(max(1, bytes / 4)) }

    private static func size(_ message: HubModelMessage) -> Int {
        message.blocks.reduce(0) { $0 + $1.text.utf8.count + $1.toolResult.text.utf8.count }
    }
}
