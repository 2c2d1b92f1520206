package import IPCHub
internal import Runtime

/// A dialect of the pass-through endpoint, as far as its own errors go.
package enum RelayFormat: String, Sendable, CaseIterable {
    case chat = "/v1/chat/completions"
    case responses = "/v1/responses"
    case messages = "/v1/messages"

    /// The status for a failure that no other model made good.
    package static func status(_ kind: HubModelEvent.Failed.Kind) -> UInt32 {
        switch kind {
        case .badRequest, .context, .refused: 400
        case .modelNotFound: 404
        case .rateLimit: 429
        case .overloaded, .shed, .auth, .billing, .exhausted: 503
        case .timeout: 504
        case .unknown, .cut, .unreachable, .transient, .UNRECOGNIZED: 502
        }
    }

    /// The body of an answer that is an error.
    package func error(_ failed: HubModelEvent.Failed) -> [UInt8] { json(failed).encoded() }

    /// An error in the middle of a stream, as the clients of this dialect read one.
    package func errorEvent(_ failed: HubModelEvent.Failed) -> [UInt8] {
        switch self {
        case .chat: Array("data: ".utf8) + json(failed).encoded() + Array("\n\n".utf8)
        case .messages: Array("event: error\ndata: ".utf8) + json(failed).encoded() + Array("\n\n".utf8)
        case .responses:
            Array("event: error\ndata: ".utf8)
                + ([
                    "type": "error", "code": .string(Self.code(failed.kind)), "message": .string(failed.cause),
                    "param": .null, "sequence_number": 0,
                ] as JSON).encoded() + Array("\n\n".utf8)
        }
    }

    /// The answer to who does not know the endpoint's own key; `Failed` knows only those of providers.
    package func unauthorized(_ words: String) -> [UInt8] {
        json(words, type: "invalid_request_error", code: "invalid_api_key", anthropic: "authentication_error").encoded()
    }

    private func json(_ failed: HubModelEvent.Failed) -> JSON {
        json(
            failed.cause,
            type: Self.type(failed.kind),
            code: Self.code(failed.kind),
            anthropic: Self.anthropicType(failed.kind)
        )
    }

    private func json(_ words: String, type: String, code: String, anthropic: String) -> JSON {
        switch self {
        case .chat, .responses:
            ["error": ["message": .string(words), "type": .string(type), "param": .null, "code": .string(code)]]
        case .messages: ["type": "error", "error": ["type": .string(anthropic), "message": .string(words)]]
        }
    }

    private static func type(_ kind: HubModelEvent.Failed.Kind) -> String {
        switch kind {
        case .badRequest, .context, .refused, .modelNotFound: "invalid_request_error"
        case .rateLimit: "requests"
        case .overloaded, .shed, .auth, .exhausted: "service_unavailable_error"
        case .billing: "insufficient_quota"
        case .timeout, .unknown, .cut, .unreachable, .transient, .UNRECOGNIZED: "server_error"
        }
    }

    private static func code(_ kind: HubModelEvent.Failed.Kind) -> String {
        switch kind {
        case .context: "context_length_exceeded"
        case .modelNotFound: "model_not_found"
        case .refused: "content_policy_violation"
        case .rateLimit: "rate_limit_exceeded"
        case .billing: "insufficient_quota"
        case .overloaded, .shed: "server_is_overloaded"
        default: kind.word
        }
    }

    private static func anthropicType(_ kind: HubModelEvent.Failed.Kind) -> String {
        switch kind {
        case .badRequest, .refused: "invalid_request_error"
        case .context: "request_too_large"
        case .modelNotFound: "not_found_error"
        case .rateLimit: "rate_limit_error"
        case .overloaded, .shed, .auth, .exhausted: "overloaded_error"
        case .billing: "billing_error"
        case .timeout: "timeout_error"
        case .unknown, .cut, .unreachable, .transient, .UNRECOGNIZED: "api_error"
        }
    }
}
