internal import IPCHub

/// What a person is told when the model gave no answer: one plain sentence, and what to do where they can do something.
enum FailureSentence {
    static func of(_ failure: HubModelEvent.Failed, model: String) -> String {
        let provider = ModelName(model).provider
        let name = provider.isEmpty ? "the model" : displayName(provider)
        return switch failure.kind {
        case .auth:
            "I cannot answer: \(name) refuses my credentials. Whoever runs this gateway must check its key (clawhold models status)."
        case .rateLimit: "\(name) is limiting how much I may ask. \(again(failure.retryAfterMs))"
        case .overloaded: "\(name) is overloaded right now. \(again(failure.retryAfterMs))"
        case .timeout: "\(name) did not answer in time. Please send your message again."
        case .cut: "The connection to \(name) broke before the answer was complete. Please send your message again."
        case .badRequest: "\(name) refused this request. The gateway's log says why; /new begins a fresh conversation."
        case .billing:
            "I cannot answer: the account at \(name) has no credit left, or has reached its limit. Once it is topped up I notice within 15 minutes; clawhold models clear \(provider) makes it at once."
        case .context:
            "This conversation has become too long for \(model.isEmpty ? "the model" : model). Send /new to begin a fresh one, or /model to choose one that reads more."
        case .unreachable: "I cannot reach \(name) right now. Please try again in a few minutes."
        case .transient: "\(name) has a fault of its own right now. \(again(failure.retryAfterMs))"
        case .modelNotFound:
            "\(name) does not know the model \(ModelName(model).model), or my key may not use it. /model lists what can be chosen."
        case .refused: refused
        case .exhausted: "I asked \(name) several times without an answer. \(again(failure.retryAfterMs))"
        case .shed: "This gateway is short of memory right now. Please send your message again in a minute."
        case .unknown, .UNRECOGNIZED: "Something went wrong while I asked \(name). The gateway's log says what."
        }
    }

    /// Why a model did not answer, behind its name: "is overloaded".
    static func reason(_ failure: HubModelEvent.Failed) -> String {
        switch failure.kind {
        case .auth: "refuses my credentials"
        case .rateLimit: "limits how much I may ask"
        case .overloaded: "is overloaded"
        case .timeout: "did not answer in time"
        case .cut: "broke off before its answer began"
        case .badRequest: "refused the request"
        case .billing: "has no credit left"
        case .context: "cannot read so long a conversation"
        case .unreachable: "cannot be reached"
        case .transient: "has a fault of its own"
        case .modelNotFound: "is not known to its provider, or my key may not use it"
        case .refused: "declined"
        case .exhausted: "gave no answer"
        case .shed: "had no memory to spare"
        case .unknown, .UNRECOGNIZED: "failed"
        }
    }

    /// Below a part of an answer whose rest never came.
    static func afterContent(_ failure: HubModelEvent.Failed, model: String) -> String {
        let provider = ModelName(model).provider
        let name = provider.isEmpty ? "the model" : displayName(provider)
        let what =
            switch failure.kind {
            case .timeout: "\(name) stopped in the middle of it"
            case .overloaded: "\(name) became overloaded"
            case .unknown, .auth, .rateLimit, .cut, .badRequest, .billing, .context, .unreachable, .transient,
                .modelNotFound, .refused, .exhausted, .shed, .UNRECOGNIZED:
                "the connection to \(name) broke"
            }
        return "(The answer is not complete: \(what). Send your message again for a whole one.)"
    }

    static let workerLost =
        "The part of me that talks to the model has stopped several times. Please try again in a minute."
    static let tooManyRounds =
        "I stopped: I had asked for tools \(ToolRun.rounds) times for this one message without coming to an answer."
    static let refused = "The model declined to answer this message."
    static let cutShort =
        "The model used up its limit for one answer before it wrote anything. Please ask for less at a time."
    static let noModel =
        "I cannot answer: no model is configured. Give the gateway a provider's key (for example ANTHROPIC_API_KEY) and start it again."

    static func tookTooLong(_ seconds: Int) -> String {
        "I stopped: this took longer than \(Timestamp.duration(Int64(clamping: seconds) &* 1000))."
    }

    /// Behind the sentence about a model that was chosen by hand.
    static func chosen(_ model: String, configured: String) -> String {
        " This conversation has chosen \(model), so nothing else was asked; \(ModelChoice.wayBack(model, configured))."
    }

    static func gone(_ model: String, configured: String) -> String {
        "This conversation has chosen \(model), which cannot be had here any more. /model lists what can be chosen, /model default goes back to \(configured)."
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
        case "openrouter": "OpenRouter"
        case "groq": "Groq"
        case "mistral": "Mistral"
        case "xai": "xAI"
        default: ForeignText.label(provider)
        }
    }
}
