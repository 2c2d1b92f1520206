internal import IPCHub
internal import Runtime

/// What the demonstration model says.
enum DemoScript {
    enum Reply: Equatable {
        case say(String)
        /// Says something, then calls `session_status` under this id.
        case askStatus(String, id: String)
    }

    static let tool = "session_status"
    static let introduction =
        "I am Clawhold's demonstration model: no provider has a key yet, so I understand nothing of what you write."
    static let instruction = """
        To talk to a real model, stop the gateway and start it with a provider's key:

            ANTHROPIC_API_KEY=sk-ant-… clawhold gateway

        I am gone as soon as one is there.
        """
    /// Most characters of a message that are given back.
    static let echoLimit = 300

    static func reply(to call: ModelCall) -> Reply {
        let last = call.messages.last
        if let result = last?.blocks.lazy.compactMap({ $0.block.flatMap(toolResult) }).first {
            return .say("This is what the tool `\(tool)` told me:\n\n\(result)\n\n\(instruction)")
        }
        let said = (last?.blocks ?? []).map(\.text).filter { !$0.isEmpty }.joined(separator: "\n")
        let hasTool = call.request.tools.contains { $0.name == tool }
        if hasTool, asksForStatus(said) {
            return .askStatus(
                "\(introduction)\n\nBut I can call a tool; here is one at work.",
                id: "demo_\(call.messages.count)"
            )
        }
        let earlier = call.messages.dropLast().count { $0.role == .user }
        let memory = earlier == 0 ? "It is the first message of this conversation." : "I see \(earlier) before it."
        return .say(
            "\(introduction)\n\n\(echo(said)) \(memory)\n\nAsk for my status to see a tool call.\n\n\(instruction)"
        )
    }

    private static func toolResult(_ block: HubModelBlock.OneOf_Block) -> String? {
        if case .toolResult(let result) = block { result.text } else { nil }
    }

    private static func asksForStatus(_ text: String) -> Bool {
        let words = text.lowercased().split { !$0.isLetter && $0 != "_" }
        return words.contains("status") || words.contains("session_status")
    }

    private static func echo(_ said: String) -> String {
        let words = said.split { $0.isWhitespace }
        let shown = said.count > echoLimit ? said.prefix(echoLimit) + "…" : said
        let count = words.count == 1 ? "1 word" : "\(words.count) words"
        return "You wrote \(count): “\(shown)”."
    }

    /// `text` cut after each run of white space; joined they are `text`.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text {
            if let last = word.last, last.isWhitespace, !character.isWhitespace {
                words.append(word)
                word = ""
            }
            word.append(character)
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
