internal import IPCHub

/// What a person is told when the model gave no answer: one plain sentence, and what to do where they can do something.
enum FailureSentence {
    static func of(_ failure: HubModelEvent.Failed, model: String) -> String {
        let provider = ModelName(model).provider
        let name = provider.isEmpty ? "the model" : displayName(provider)
        return switch failure.kind {
        case .auth:
            "I cannot answer: \(name) refuses my credentials. Whoever runs this gateway must check its key."
        case .rateLimit: "\(name) is limiting how much I may ask. \(again(failure.retryAfterMs))"
        case .overloaded: "\(name) is overloaded right now. \(again(failure.retryAfterMs))"
        case .timeout: "\(name) did not answer in time. Please send your message again."
        case .cut: "The connection to \(name) broke before the answer was complete. Please send your message again."
        case .badRequest: "\(name) refused this request. The gateway's log says why; /new begins a fresh conversation."
        case .billing: "I cannot answer: the account at \(name) has no credit left, or has reached its limit."
        case .context: "This conversation has become too long for the model. Send /new to begin a fresh one."
        case .unreachable: "I cannot reach \(name) right now. Please try again in a few minutes."
        case .transient: "\(name) has a fault of its own right now. \(again(failure.retryAfterMs))"
        case .modelNotFound:
            "\(name) does not know the model \(ModelName(model).model), or this key may not use it. /model lists what can be chosen."
        case .refused: refused
        case .exhausted: "I asked \(name) several times without an answer. \(again(failure.retryAfterMs))"
        case .shed: "This gateway is short of memory right now. Please send your message again in a minute."
        case .unknown, .UNRECOGNIZED: "Something went wrong while I asked \(name). The gateway's log says what."
        }
    }

    static let workerLost =
        "The part of me that talks to the model has stopped several times. Please try again in a minute."
    static let tooManyRounds =
        "I stopped: I had asked for tools \(ToolRun.rounds) times for this one message without coming to an answer."
    static let refused = "The model declined to answer this message."
    static let cutShort =
        "The model used up its limit for one answer before it wrote anything. Please ask for less at a time."

    static func tookTooLong(_ seconds: Int) -> String {
        "I stopped: this took longer than \(Timestamp.duration(Int64(clamping: seconds) &* 1000))."
    }

    private static func again(_ milliseconds: UInt32) -> String {
        guard milliseconds > 0 else { return "Please try again in a moment." }
        return "Please try again in \(Timestamp.duration(Int64(milliseconds) + 999))."
    }

    private static func displayName(_ provider: String) -> String {
        switch provider {
        case "anthropic": "Anthropic"
        case "openai": "OpenAI"
        case "google": "Google"
        default: provider
        }
    }
}

extension FailureSentence {
    static let noModel =
        "I cannot answer: no model is configured. Give the gateway a provider's key (for example ANTHROPIC_API_KEY) and start it again."
}
