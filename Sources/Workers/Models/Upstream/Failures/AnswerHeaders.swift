package import NIOHTTP1

/// What a response says about trying again, besides its body.
package struct AnswerHeaders: Equatable, Sendable {
    /// `retry-after-ms` counts before `retry-after`, which is seconds or a date.
    package var retryAfter: Duration?
    /// When a limit that is used up is full again (`x-ratelimit-reset-…`, `anthropic-ratelimit-…-reset`).
    package var reset: Duration?
    /// `x-should-retry`.
    package var shouldRetry: Bool?
    package var requestID = ""
    /// The limit that is used up counts for the key, whatever model it asks (a subscription's window).
    package var limitsKey = false

    package init() {}

    /// - Parameter now: Seconds since 1970.
    package init(_ headers: HTTPHeaders, now: Int64) {
        func text(_ name: String) -> String { String((headers.first(name: name) ?? "").prefix(100)) }
        if let milliseconds = WireTime.number(text("retry-after-ms")) {
            retryAfter = .milliseconds(milliseconds)
        } else if let seconds = WireTime.number(text("retry-after")) {
            retryAfter = .seconds(seconds)
        } else if let date = WireTime.httpDate(text("retry-after")) {
            retryAfter = WireTime.until(date, now: now)
        }
        switch text("x-should-retry") {
        case "true": shouldRetry = true
        case "false": shouldRetry = false
        default: break
        }
        requestID = ["request-id", "x-request-id"].lazy.map(text).first { !$0.isEmpty } ?? ""
        reset = Self.openAIReset(text) ?? Self.anthropicReset(text, now: now)
        if let window = Self.unifiedReset(text, now: now) {
            limitsKey = true
            reset = window
        }
    }

    /// OpenAI and Groq: the limit without remainder, the longer wait when both have none. A reset is "1s", "6m0s", "20ms".
    private static func openAIReset(_ text: (String) -> String) -> Duration? {
        ["requests", "tokens"].compactMap { unit in
            text("x-ratelimit-remaining-\(unit)") == "0" ? WireTime.goDuration(text("x-ratelimit-reset-\(unit)")) : nil
        }.max()
    }

    private static func anthropicReset(_ text: (String) -> String, now: Int64) -> Duration? {
        ["requests", "tokens", "input-tokens", "output-tokens"].compactMap { unit in
            guard text("anthropic-ratelimit-\(unit)-remaining") == "0" else { return nil }
            return WireTime.date(text("anthropic-ratelimit-\(unit)-reset")).map { WireTime.until($0, now: now) }
        }.max()
    }

    /// Subscription tokens: windows of five hours and seven days over all models. A reset is seconds since 1970 or a date.
    private static func unifiedReset(_ text: (String) -> String, now: Int64) -> Duration? {
        ["-5h", "-7d", ""].compactMap { window in
            let status = text("anthropic-ratelimit-unified\(window)-status")
            guard status == "rejected" || status == "exceeded" else { return nil }
            let reset = text("anthropic-ratelimit-unified\(window)-reset")
            return (WireTime.number(reset).map { Int64($0) } ?? WireTime.date(reset)).map {
                WireTime.until($0, now: now)
            }
        }.max()
    }
}
