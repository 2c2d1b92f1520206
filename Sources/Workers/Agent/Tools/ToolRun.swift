internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// A tool that the model may call.
protocol AgentTool: Sendable {
    var name: String { get }
    var description: String { get }
    /// JSON Schema of its arguments.
    var schema: JSON { get }
    /// Nothing changes when it runs: only such a call may run again after a crash.
    var isReadOnly: Bool { get }

    /// Whether the model is shown it in a conversation of this channel.
    func isOffered(in channel: String) -> Bool

    func run(_ arguments: JSON, context: ToolContext) async -> ToolOutcome
}

extension AgentTool {
    func isOffered(in channel: String) -> Bool { true }
}

/// What a tool gives back to the model.
struct ToolOutcome: Equatable, Sendable {
    var text: String
    var isError = false
    /// What goes out at the turn's end because of it.
    var parts: [HubOutgoing] = []
}

/// What a tool may know of the turn that it runs in.
struct ToolContext: Sendable {
    var key: SessionKey
    var sessionID: String
    var model: String
    var channel: String
    /// The message that the turn answers.
    var messageID: String
    var usage: TokenUsage
    /// How many things are to go out already.
    var collected: Int
    /// And how many bytes of a frame they take.
    var collectedBytes = 0
    /// What names this call for ever.
    var turnID = ""
    var callID = ""
    /// Who wrote the message, as the network knows them.
    var senderID = ""
}

/// Bounds of tool calls.
enum ToolRun {
    /// Longest result, in bytes; more is cut, and the cut is said.
    static let resultLimit = 64 * 1024
    /// Most calls that one answer of the model may make.
    static let callsPerRound = 32
    /// Most answers with tool calls in one turn.
    static let rounds = 25
}

extension AgentTool {
    /// As a model call declares it.
    var declaration: HubModelTool {
        var tool = HubModelTool()
        tool.name = name
        tool.description_p = description
        tool.inputSchema = .init(schema.encoded())
        return tool
    }
}
