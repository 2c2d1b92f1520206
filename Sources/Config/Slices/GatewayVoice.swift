/// Telephone calls as the gateway needs to know them: what it asks the worker for, and how a turn on the telephone is run.
package struct GatewayVoice: Codable, Sendable, Equatable {
    /// The network's name, in bindings and everywhere else.
    package static var channel: String { "voice-call" }

    /// `channel:voice-call:default`.
    package var worker = "channel:voice-call:default"
    /// `twilio`, `telnyx`, `mock`.
    package var provider = ""
    /// Why nobody can be called, in words with what to do; empty: calls can be made.
    package var noOutbound = ""
    /// Whom to call when nobody is named, E.164; empty: nobody.
    package var toNumber = ""
    /// Longest that `voicecall.continue` waits for what the other side says.
    package var transcriptTimeoutMilliseconds = 180_000
    /// `responseModel`, where its provider has a worker; nil: the agent's own model.
    package var model: ModelRef?
    /// `responseSystemPrompt`: what an agent is told when it speaks on the telephone.
    package var prompt = standardPrompt

    package init() {}

    package static var standardPrompt: String {
        "You are speaking on the telephone: your answer is read out by a voice. Answer in one to three short sentences of "
            + "plain spoken language. No Markdown, no lists, no emojis, no links; say numbers and abbreviations as one says "
            + "them. What the other side said was turned into text by a machine and may hold mistakes: when it makes no "
            + "sense, ask."
    }
}

/// Telephone calls as an agent needs to know them: absent where none can be made.
package struct AgentVoice: Codable, Sendable, Equatable {
    /// Whom `voice_call` calls when the model names nobody, E.164; empty: it has to name somebody.
    package var toNumber = ""

    package init() {}
}
