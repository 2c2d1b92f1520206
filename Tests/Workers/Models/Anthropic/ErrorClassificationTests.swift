import IPCHub
import Testing

@testable import ModelAnthropic

@Suite struct ErrorClassificationTests {
    struct Case: Sendable, CustomStringConvertible {
        var status: Int
        var type: String
        var message = "x"
        var code = ""
        var retryAfter: Duration?
        var kind: HubModelEvent.Failed.Kind
        var isTransient = false

        var description: String { "\(status) \(type) \(code) \(message.prefix(30)) → \(kind)" }
    }

    static let cases: [Case] = [
        Case(status: 401, type: "authentication_error", kind: .auth),
        Case(status: 403, type: "permission_error", kind: .auth),
        Case(status: 402, type: "billing_error", kind: .billing),
        Case(status: 404, type: "not_found_error", message: "model: x", kind: .badRequest),
        Case(status: 408, type: "", kind: .timeout),
        Case(status: 409, type: "conflict_error", kind: .unknown),
        Case(status: 413, type: "request_too_large", kind: .context),
        Case(status: 429, type: "rate_limit_error", kind: .rateLimit),
        Case(status: 429, type: "rate_limit_error", retryAfter: .seconds(3), kind: .rateLimit, isTransient: true),
        Case(status: 429, type: "rate_limit_error", code: "enforced_spend_limit_reached", kind: .billing),
        Case(status: 429, type: "rate_limit_error", code: "contract_spend_limit_reached", kind: .billing),
        Case(status: 429, type: "rate_limit_error", code: "organization_on_hold", kind: .billing),
        Case(status: 429, type: "rate_limit_error", code: "ramp_limit_exceeded", kind: .rateLimit),
        Case(status: 429, type: "overloaded_error", kind: .overloaded, isTransient: true),
        Case(status: 500, type: "api_error", kind: .unknown, isTransient: true),
        Case(status: 502, type: "", message: "<html>Bad gateway</html>", kind: .unknown, isTransient: true),
        Case(status: 503, type: "", kind: .overloaded, isTransient: true),
        Case(status: 504, type: "timeout_error", kind: .timeout),
        Case(status: 529, type: "overloaded_error", kind: .overloaded, isTransient: true),
        Case(status: 200, type: "overloaded_error", kind: .overloaded, isTransient: true),
        Case(status: 200, type: "api_error", kind: .unknown, isTransient: true),
        Case(
            status: 200,
            type: "invalid_request_error",
            message: "prompt is too long: 5 tokens > 4 maximum",
            kind: .context
        ),
        Case(status: 400, type: "invalid_request_error", kind: .badRequest),
        Case(
            status: 400,
            type: "invalid_request_error",
            message: "prompt is too long: 210000 tokens > 200000 maximum",
            kind: .context
        ),
        Case(
            status: 400,
            type: "invalid_request_error",
            message: "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
            kind: .context
        ),
        Case(
            status: 400,
            type: "invalid_request_error",
            message: "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing",
            kind: .billing
        ),
        Case(
            status: 400,
            type: "invalid_request_error",
            message: "You have reached your specified API usage limits. You will regain access on 2026-12-01",
            kind: .billing
        ),
        Case(status: 418, type: "", kind: .unknown),
    ]

    @Test("the code decides before the type, the type before the status, words only for a 400", arguments: cases)
    func table(_ entry: Case) {
        let details = entry.code.isEmpty ? "" : #","details":{"error_code":"\#(entry.code)"}"#
        let body = #"{"type":"error","error":{"type":"\#(entry.type)","message":"\#(entry.message)"\#(details)}}"#
        var headers = ErrorClassification.Headers()
        headers.retryAfter = entry.retryAfter
        let failure = ErrorClassification.classify(status: entry.status, body: Array(body.utf8), headers: headers)
        #expect(failure.kind == entry.kind)
        #expect(failure.isTransient == entry.isTransient)
        #expect(failure.retryAfter == entry.retryAfter)
    }

    @Test("the provider's advice on retrying counts, but never for a wallet or a key")
    func advice() {
        func isTransient(_ status: Int, _ type: String, _ advice: Bool) -> Bool {
            var headers = ErrorClassification.Headers()
            headers.shouldRetry = advice
            let body = #"{"error":{"type":"\#(type)","message":"x"}}"#
            return ErrorClassification.classify(status: status, body: Array(body.utf8), headers: headers).isTransient
        }
        #expect(!isTransient(529, "overloaded_error", false))
        #expect(isTransient(429, "rate_limit_error", true))
        #expect(!isTransient(401, "authentication_error", true))
        #expect(!isTransient(402, "billing_error", true))
    }

    @Test("a body that is no JSON, empty, or long is told in a bounded cause")
    func bodies() {
        for body in ["", "{", String(repeating: "é", count: 60_000)] {
            let failure = ErrorClassification.classify(status: 500, body: Array(body.utf8))
            #expect(failure.cause.hasPrefix("HTTP 500"))
            #expect(failure.cause.count <= Failure.causeLimit)
        }
    }

    @Test("a retry-after of any length fits into the frame")
    func retryAfter() {
        #expect(Failure(.rateLimit, "", retryAfter: .seconds(3)).event(beforeContent: true).retryAfterMs == 3000)
        #expect(
            Failure(.rateLimit, "", retryAfter: .seconds(Int64.max)).event(beforeContent: true).retryAfterMs
                == 1_000_000_000
        )
    }
}
