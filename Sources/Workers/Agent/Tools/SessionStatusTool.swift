internal import Runtime

/// `session_status`: what the model may know about the conversation and the agent it runs in.
struct SessionStatusTool: AgentTool {
    /// Facts about the agent at this moment.
    struct Facts: Sendable {
        var agent: String
        var version: String
        var uptimeMilliseconds: Int64
        var runningTurns: Int
        var contextTokens: Int
        /// Of the session: messages in the part of the transcript that is read, tokens as last stored.
        var messages: Int
        var totalTokens: Int64
        /// That another model answered last than the wanted one, and why; empty: it did not.
        var detour = ""
    }

    let facts: @Sendable (SessionKey) async -> Facts

    let name = "session_status"
    let description =
        "Shows the state of this conversation: session key, model, tokens used, number of messages, how long the agent has been up."
    let schema: JSON = ["type": "object", "properties": [:], "additionalProperties": false]
    let isReadOnly = true

    func run(_ arguments: JSON, context: ToolContext) async -> ToolOutcome {
        ToolOutcome(text: Self.text(await facts(context.key), context: context))
    }

    static func text(_ facts: Facts, context: ToolContext) -> String {
        // The count is from a file that anybody may have written.
        let tokens = min(facts.totalTokens, Int64.max / 100)
        let share = facts.contextTokens > 0 ? tokens * 100 / Int64(facts.contextTokens) : 0
        return """
            Session: \(context.key)
            Session id: \(context.sessionID)
            Agent: \(facts.agent)
            Model: \(context.model.isEmpty ? "none" : context.model)\(facts.detour.isEmpty ? "" : " (\(facts.detour))")
            Channel: \(context.channel.isEmpty ? "webchat" : context.channel)
            Messages: \(facts.messages)
            Tokens in context: \(facts.totalTokens) of \(facts.contextTokens) (\(share) %)
            Tokens of this turn: \(context.usage.input) in, \(context.usage.output) out
            Turns running now: \(facts.runningTurns)
            Agent up for: \(Timestamp.duration(facts.uptimeMilliseconds))
            Clawhold: \(facts.version.isEmpty ? "unknown version" : facts.version)
            """
    }
}
