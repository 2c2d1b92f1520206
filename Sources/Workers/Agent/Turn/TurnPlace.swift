internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime

/// Where turns run: what they need of the process around them.
struct TurnPlace: Sendable {
    /// How long things may take.
    struct Timing: Sendable {
        var textInterval = Duration.milliseconds(40)
        /// How long after a broken stream the control link may still look whole though the gateway is dead.
        var linkGrace = Duration.milliseconds(400)
        /// Pauses before a call is made again whose model worker died.
        var modelRetries: [Duration] = [.milliseconds(100), .milliseconds(500), .seconds(2), .seconds(4)]
        var turnLimit = Duration.seconds(600)
    }

    var agent: String
    var name: String
    var timezone: String
    var contextTokens: Int
    var timeoutSeconds: Int
    /// How much a model thinks where the conversation says nothing; "": as it is used to.
    var thinking = ""
    var store: SessionStore
    var folder = MediaFolder(path: "")
    var envelope = Envelope()
    var models: any ModelDoor
    /// Nil: no files are taken in.
    var media: (any MediaDoor)?
    /// Nil: speech is not turned into text.
    var speech: (any SpeechDoor)?
    var link: any LinkWatch
    var tools: [any AgentTool]
    var timing = Timing()
    var log: Logger
    /// Whose timers turns use.
    var loop: any EventLoop
    var reach: @Sendable (String) -> Void
    /// Milliseconds since 1970.
    var now: @Sendable () -> Int64

    /// Files that answers carry.
    var outbound: OutboundFiles {
        OutboundFiles(folder: folder, workspace: store.workspace, owner: "agent:\(agent)")
    }

    /// What the model may call in a conversation of `channel`.
    func tools(in channel: String) -> [any AgentTool] { tools.filter { $0.isOffered(in: channel) } }

    /// Most tokens of one answer.
    static let answerTokens: UInt32 = 8192

    /// Bytes of the past that a model is shown: two per token of its window leaves room for dense scripts and the answer.
    var historyBytes: Int { min(max(contextTokens, 16_000), 2_000_000) * 2 }
}
