internal import IPCHub

/// What providers only say in words. Compared in lower case, the first that fits counts; used where no code decides.
enum ErrorTexts {
    typealias Kind = HubModelEvent.Failed.Kind

    static func kind(_ message: String) -> Kind? {
        let text = message.lowercased()
        // A window that is too small to begin with, and a picture, are no conversation that grew too long.
        if notOverflow.contains(where: text.contains) { return .badRequest }
        return table.first { text.contains($0.fragment) }?.kind
    }

    /// A picture or a schema that the provider does not take: the call is at fault, wherever it goes.
    private static let notOverflow = [
        "context window too small", "request size exceeds upload limit", "image exceeds", "image dimensions exceed",
    ]

    private static let table: [(fragment: String, kind: Kind)] =
        overflow.map { ($0, .context) } + billing.map { ($0, .billing) } + [
            // A subscription's window, which opens again by itself.
            ("out of extra usage", .rateLimit),
            ("api key not valid", .auth), ("invalid api key", .auth), ("incorrect api key", .auth),
            ("invalid x-api-key", .auth), ("no auth credentials found", .auth), ("token has expired", .auth),
            ("overloaded", .overloaded), ("high demand", .overloaded), ("no capacity", .overloaded),
            ("rate limit", .rateLimit), ("rate_limit", .rateLimit), ("too many requests", .rateLimit),
            ("too many concurrent", .rateLimit), ("quota exceeded", .rateLimit),
            ("resource has been exhausted", .rateLimit),
            ("does not exist or you do not have access", .modelNotFound), ("no endpoints found", .modelNotFound),
            ("is not a valid model", .modelNotFound), ("unknown model", .modelNotFound),
            ("model not found", .modelNotFound),
            ("no such model", .modelNotFound), ("unsupported model", .modelNotFound),
            ("is not found for api version", .modelNotFound), ("is not supported for generatecontent", .modelNotFound),
            ("content policy", .refused), ("content filter", .refused), ("content management policy", .refused),
            ("flagged by", .refused), ("prohibited content", .refused),
            ("provider returned error", .transient), ("provider disconnected", .transient),
            ("upstream error", .transient), ("internal server error", .transient), ("timed out", .timeout),
            ("timeout", .timeout), ("deadline exceeded", .timeout),
        ]

    private static let overflow = [
        "prompt is too long", "exceed context limit", "request size exceeds model context window",
        "maximum context length", "exceeds the context window", "input tokens exceed the configured limit",
        "exceeds the maximum number of tokens", "maximum prompt length is", "reduce the length of the messages",
        "exceeds the available context size", "greater than the context length", "context window exceeds limit",
        "exceeded model token limit", "too large for model with", "input is too long for requested model",
        "context length exceeded", "context_length_exceeded", "prompt token count of",
    ]

    private static let billing = [
        "credit balance is too low", "you have reached your specified", "insufficient credits", "insufficient balance",
        "insufficient_quota", "payment required", "key limit exceeded", "credit balance", "requires more credits",
        "billing details", "plans & billing", "exceeded your monthly spending limit", "out of credits",
    ]
}
