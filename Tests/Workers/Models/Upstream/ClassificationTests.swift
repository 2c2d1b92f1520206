import Failover
import IPCHub
import NIOHTTP1
import Runtime
import Testing

@testable import ModelUpstream

@Suite("What an error means")
struct ClassificationTests {
    /// 2026-11-22 12:00 UTC.
    static let now: Int64 = 1_795_348_800

    struct Case: Sendable, CustomStringConvertible {
        var status: Int
        var body: String
        var kind: HubModelEvent.Failed.Kind
        var scope = CallFailure.Scope.model
        var pause: Duration?

        init(
            _ status: Int,
            _ body: String,
            _ kind: HubModelEvent.Failed.Kind,
            _ scope: CallFailure.Scope = .model,
            pause: Duration? = nil
        ) {
            (self.status, self.body, self.kind, self.scope, self.pause) = (status, body, kind, scope, pause)
        }

        var description: String { "\(status) \(body.prefix(90)) → \(kind)" }
    }

    private static func anthropic(_ type: String, _ message: String = "x", code: String = "") -> String {
        let details = code.isEmpty ? "" : #","details":{"error_code":"\#(code)"}"#
        return #"{"type":"error","error":{"type":"\#(type)","message":"\#(message)"\#(details)},"request_id":"req_1"}"#
    }

    private static func openAI(_ type: String, _ code: String, _ message: String = "x") -> String {
        #"{"error":{"message":"\#(message)","type":"\#(type)","param":null,"code":"\#(code)"}}"#
    }

    private static func google(_ code: Int, _ status: String, _ message: String = "x", details: String = "") -> String {
        #"{"error":{"code":\#(code),"message":"\#(message)","status":"\#(status)","details":[\#(details)]}}"#
    }

    static let cases: [Case] = [
        // Anthropic
        Case(401, anthropic("authentication_error"), .auth, .key),
        Case(403, anthropic("permission_error"), .auth, .model),
        Case(402, anthropic("billing_error"), .billing, .key),
        Case(404, anthropic("not_found_error", "model: x"), .modelNotFound, .provider),
        Case(400, anthropic("invalid_request_error", "Output blocked by content filtering policy"), .refused),
        Case(408, "", .timeout, .provider), Case(504, anthropic("timeout_error"), .timeout, .provider),
        Case(409, anthropic("conflict_error"), .transient, .provider),
        Case(413, anthropic("request_too_large"), .context),
        Case(429, anthropic("rate_limit_error"), .rateLimit),
        Case(429, anthropic("rate_limit_error", code: "enforced_spend_limit_reached"), .billing, .key),
        Case(429, anthropic("rate_limit_error", code: "contract_spend_limit_reached"), .billing, .key),
        Case(429, anthropic("rate_limit_error", code: "linked_organization_spend_limit_reached"), .billing, .key),
        Case(429, anthropic("rate_limit_error", code: "linked_organization_billing_unavailable"), .billing, .key),
        Case(429, anthropic("rate_limit_error", code: "organization_on_hold"), .billing, .key),
        Case(429, anthropic("rate_limit_error", code: "ramp_limit_exceeded"), .rateLimit),
        Case(429, anthropic("overloaded_error"), .overloaded, .provider),
        Case(500, anthropic("api_error"), .transient, .provider),
        Case(500, anthropic("api_error", "Overloaded"), .overloaded, .provider),
        Case(529, anthropic("overloaded_error"), .overloaded, .provider), Case(529, "", .overloaded, .provider),
        Case(200, anthropic("overloaded_error"), .overloaded, .provider),
        Case(200, anthropic("api_error"), .transient, .provider),
        Case(400, anthropic("invalid_request_error"), .badRequest),
        Case(400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), .context),
        Case(200, anthropic("invalid_request_error", "prompt is too long: 5 tokens > 4 maximum"), .context),
        Case(
            400,
            anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
            .context
        ),
        Case(
            400,
            anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            .billing,
            .key
        ),
        Case(
            400,
            anthropic(
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
            ),
            .billing,
            .key,
            pause: .seconds(8 * 86_400 + 43_200)
        ),
        Case(400, anthropic("invalid_request_error", "You're out of extra usage."), .rateLimit),
        Case(
            400,
            anthropic("invalid_request_error", "messages.0.content.1.image: image exceeds 5 MB maximum"),
            .badRequest
        ),
        // OpenAI
        Case(401, openAI("invalid_request_error", "invalid_api_key"), .auth, .key),
        Case(400, openAI("invalid_request_error", "context_length_exceeded"), .context),
        Case(400, openAI("invalid_request_error", "content_policy_violation"), .refused),
        Case(404, openAI("invalid_request_error", "model_not_found"), .modelNotFound, .provider),
        Case(429, openAI("requests", "rate_limit_exceeded"), .rateLimit),
        Case(
            429,
            openAI("insufficient_quota", "insufficient_quota", "You exceeded your current quota"),
            .billing,
            .key
        ),
        Case(429, openAI("billing", "project_spend_limit_exceeded"), .billing, .key),
        Case(429, openAI("tokens", "rate_limit_exceeded", "Request too large for gpt-x on tokens per min"), .context),
        Case(429, openAI("rate_limit_error", "slow_down"), .rateLimit),
        Case(500, openAI("server_error", ""), .transient, .provider),
        Case(503, openAI("service_unavailable_error", "server_is_overloaded"), .overloaded, .provider),
        Case(200, #"{"type":"error","code":"insufficient_quota","message":"x","param":null}"#, .billing, .key),
        Case(200, #"{"type":"error","error":{"type":"x","code":"rate_limit_exceeded","message":"y"}}"#, .rateLimit),
        Case(
            200,
            #"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#,
            .transient,
            .provider
        ),
        // Google
        Case(400, google(400, "INVALID_ARGUMENT"), .badRequest),
        Case(400, google(400, "INVALID_ARGUMENT", details: #"{"reason":"API_KEY_INVALID"}"#), .auth, .key),
        Case(400, google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), .auth, .key),
        Case(
            400,
            google(
                400,
                "INVALID_ARGUMENT",
                "The input token count (9) exceeds the maximum number of tokens allowed (8)."
            ),
            .context
        ),
        Case(403, google(403, "PERMISSION_DENIED"), .auth, .model),
        Case(404, google(404, "NOT_FOUND"), .modelNotFound, .provider),
        Case(402, google(402, "RESOURCE_EXHAUSTED"), .billing, .key),
        Case(
            429,
            google(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota, please check your plan and billing details",
                details: #"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}"#
            ),
            .rateLimit,
            pause: .milliseconds(34_500)
        ),
        Case(429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x"), .modelNotFound, .model),
        Case(429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 05"), .rateLimit),
        Case(503, google(503, "UNAVAILABLE", "The model is overloaded."), .overloaded, .provider),
        Case(504, google(504, "DEADLINE_EXCEEDED"), .timeout, .provider),
        Case(200, "[\(google(503, "UNAVAILABLE"))]", .overloaded, .provider),
        // Others
        Case(402, #"{"error":{"code":402,"message":"Insufficient credits"}}"#, .billing, .key),
        Case(403, #"{"error":{"code":403,"message":"Key limit exceeded"}}"#, .billing, .key),
        Case(200, #"{"error":{"code":502,"message":"Provider disconnected unexpectedly"}}"#, .transient, .provider),
        Case(200, #"{"error":{"code":429,"message":"Provider returned error"}}"#, .rateLimit),
        Case(400, #"{"error":{"code":400,"message":"This endpoint's maximum context length is 8 tokens."}}"#, .context),
        Case(400, #"{"error":"the request exceeds the available context size"}"#, .context),
        Case(422, #"{"detail":[{"msg":"Field required"}]}"#, .badRequest),
        Case(
            404,
            #"{"object":"error","message":"model 'x' not found","type":"not_found_error"}"#,
            .modelNotFound,
            .provider
        ),
        Case(400, "Please reduce the length of the messages or completion.", .context),
        Case(502, "<html>Bad gateway</html>", .transient, .provider), Case(503, "", .overloaded, .provider),
        Case(418, "", .unknown),
    ]

    @Test("codes decide before the status, the status before the words", arguments: cases)
    func table(_ entry: Case) {
        let body = ErrorBody(Array(entry.body.utf8))
        let failure = Classification.failure(status: entry.status, body: body, now: Self.now)
        #expect(failure.kind == entry.kind)
        #expect(failure.scope == entry.scope)
        #expect(failure.retryAfter == entry.pause)
        #expect(failure.status == entry.status)
    }

    private static func headers(_ fields: [String: String]) -> AnswerHeaders {
        AnswerHeaders(HTTPHeaders(fields.map { ($0.key, $0.value) }), now: now)
    }

    @Test("how long to wait: milliseconds before seconds, a date, and the limit that is used up")
    func waits() {
        #expect(Self.headers(["retry-after": "3", "retry-after-ms": "150"]).retryAfter == .milliseconds(150))
        #expect(Self.headers(["retry-after": "3"]).retryAfter == .seconds(3))
        #expect(Self.headers(["retry-after": "Sun, 22 Nov 2026 12:01:00 GMT"]).retryAfter == .seconds(60))
        #expect(Self.headers(["retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"]).retryAfter == .zero)
        #expect(Self.headers(["retry-after": "soon"]).retryAfter == nil)
        #expect(Self.headers(["retry-after": "-5"]).retryAfter == nil)
        let both = [
            "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s",
            "x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s",
        ]
        #expect(Self.headers(both).reset == .seconds(90))
        let anthropic = [
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:20Z",
        ]
        #expect(Self.headers(anthropic).reset == .seconds(20))
        let window = Self.headers([
            "anthropic-ratelimit-unified-5h-status": "rejected",
            "anthropic-ratelimit-unified-5h-reset": "\(Self.now + 3600)",
        ])
        #expect(window.reset == .seconds(3600) && window.limitsKey)
        let failure = Classification.failure(
            status: 429,
            body: ErrorBody(Array(Self.anthropic("rate_limit_error").utf8)),
            headers: window,
            now: Self.now
        )
        #expect(failure.scope == .key && failure.retryAfter == .seconds(3600))
    }

    @Test(
        "durations of Go and of Google",
        arguments: [
            ("1s", .seconds(1)), ("6m0s", .seconds(360)), ("20ms", .milliseconds(20)), ("1h2m3s", .seconds(3723)),
            ("34.5s", .milliseconds(34_500)), ("", nil), ("5", nil), ("s", nil), ("1x", nil),
            ("999999999999h", .seconds(31 * 86_400)),
            ("1.2.3s", nil), ("-1s", nil),
        ] as [(String, Duration?)]
    )
    func durations(text: String, duration: Duration?) {
        #expect(WireTime.goDuration(text) == duration)
    }

    @Test("dates: with a fraction, an offset, a day alone; what is no date is none")
    func dates() {
        #expect(WireTime.date("2026-11-22T12:00:00Z") == Self.now)
        #expect(WireTime.date("2026-11-22T12:00:00.123456Z") == Self.now)
        #expect(WireTime.date("2026-11-22T14:00:00+02:00") == Self.now)
        #expect(WireTime.date("2026-11-22T07:30:00-04:30") == Self.now)
        #expect(WireTime.date("2000-02-29") == 951_782_400)
        for text in [
            "", "T", "2026", "2026-13-01", "1-2-3", "2026-11-22T99:00:00Z", "99999999999999999999-01-01", "2026-11-22T",
        ] {
            #expect(WireTime.date(text) == nil, "\(text)")
        }
    }

    @Test("the provider's own advice is passed on, and its request's id is in the cause")
    func advice() {
        var headers = AnswerHeaders()
        headers.shouldRetry = false
        let body = ErrorBody(Array(Self.anthropic("overloaded_error").utf8))
        let failure = Classification.failure(status: 529, body: body, headers: headers, now: Self.now)
        #expect(failure.shouldRetry == false && failure.cause.contains("req_1"))
    }

    @Test("bodies that are no JSON, empty, long or strange are told in a bounded cause and never trap")
    func bodies() {
        let strange = [
            "", "{", "[]", "[1]", "null", #"{"error":null}"#, #"{"error":[]}"#, #"{"error":{"code":1e300}}"#,
            #"{"error":{"code":-9223372036854775808,"details":[1,null,{"violations":[3]}]}}"#,
            #"{"error":{"message":{"a":1}}}"#, String(repeating: "é", count: 60_000),
        ]
        for body in strange {
            for status in [200, 400, 500] {
                let failure = Classification.failure(status: status, body: ErrorBody(Array(body.utf8)), now: Self.now)
                #expect(failure.cause.count <= CallFailure.causeLimit)
            }
        }
    }
}
