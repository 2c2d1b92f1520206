internal import IPCHub
internal import Runtime

/// What an error of the Messages API means: the error's own code first, then the status, then, for 400 alone, its words.
///
/// Codes and statuses are Anthropic's published ones; the same status can mean different things (a 429 may be a rate, an
/// overload or an empty wallet), so the status decides only where no code does.
enum ErrorClassification {
    /// An error response, or with `status` 200 an error event in a stream.
    static func classify(status: Int, body: [UInt8], headers: Headers = Headers()) -> Failure {
        let parsed = try? JSON(parsing: body)
        let error = parsed?["error"]
        let type = error?["type"]?.string ?? ""
        let code = error?["details"]?["error_code"]?.string ?? ""
        let message = error?["message"]?.string ?? String(decoding: body.prefix(300), as: UTF8.self)
        var kind = byCode(code) ?? byType(type, message: message) ?? byStatus(status, message: message)
        if kind == .unknown, status == 400 || status == 200 { kind = byText(message) ?? .unknown }
        let request = headers.requestID ?? parsed?["request_id"]?.string
        let cause = [
            status == 200 ? "in the stream" : "HTTP \(status)", type, code, message,
            request.map { "request \($0)" } ?? "",
        ]
        return Failure(
            kind,
            cause.filter { !$0.isEmpty }.joined(separator: " · "),
            retryAfter: headers.retryAfter,
            isTransient: isTransient(kind, status: status, type: type, headers: headers)
        )
    }

    /// What the response says besides its body.
    struct Headers: Equatable, Sendable {
        var retryAfter: Duration?
        var shouldRetry: Bool?
        var requestID: String?
    }

    private static func byCode(_ code: String) -> HubModelEvent.Failed.Kind? {
        switch code {
        case "": nil
        case "ramp_limit_exceeded": .rateLimit
        case "organization_on_hold", "linked_organization_billing_unavailable": .billing
        case _ where code.hasSuffix("spend_limit_reached"): .billing
        default: nil
        }
    }

    private static func byType(_ type: String, message: String) -> HubModelEvent.Failed.Kind? {
        switch type {
        case "authentication_error", "permission_error": .auth
        case "billing_error": .billing
        case "rate_limit_error": .rateLimit
        case "overloaded_error": .overloaded
        case "timeout_error": .timeout
        case "request_too_large": .context
        case "not_found_error": .badRequest
        case "invalid_request_error": byText(message) ?? .badRequest
        default: nil
        }
    }

    private static func byStatus(_ status: Int, message: String) -> HubModelEvent.Failed.Kind {
        switch status {
        case 400, 422: byText(message) ?? .badRequest
        case 401, 403: .auth
        case 402: .billing
        case 404, 405: .badRequest
        case 408, 499, 504: .timeout
        case 413: .context
        case 429: .rateLimit
        case 503, 529: .overloaded
        default: .unknown
        }
    }

    /// Compared in lower case. Only what the provider words and does not code.
    private static let texts: [(fragment: String, kind: HubModelEvent.Failed.Kind)] = [
        ("prompt is too long", .context),
        ("exceed context limit", .context),
        ("request size exceeds model context window", .context),
        ("context window exceeds limit", .context),
        ("credit balance is too low", .billing),
        ("you have reached your specified", .billing),
        ("out of extra usage", .rateLimit),
        ("insufficient credits", .billing),
        ("insufficient balance", .billing),
        ("payment required", .billing),
        ("overloaded", .overloaded),
        ("rate limit", .rateLimit),
        ("too many requests", .rateLimit),
    ]

    private static func byText(_ message: String) -> HubModelEvent.Failed.Kind? {
        let text = message.lowercased()
        return texts.first { text.contains($0.fragment) }?.kind
    }

    /// A spend limit comes as a 429 without `retry-after`: a rate is worth waiting for only when the wait is named.
    private static func isTransient(
        _ kind: HubModelEvent.Failed.Kind,
        status: Int,
        type: String,
        headers: Headers
    ) -> Bool {
        if let shouldRetry = headers.shouldRetry { return shouldRetry && kind != .billing && kind != .auth }
        return switch kind {
        case .overloaded: true
        case .rateLimit: headers.retryAfter != nil
        case .unknown: status >= 500 || type == "api_error"
        case .badRequest: status == 409
        case .timeout, .cut, .auth, .billing, .context, .unreachable, .UNRECOGNIZED: false
        }
    }
}
