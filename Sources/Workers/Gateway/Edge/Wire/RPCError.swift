/// The failure of a request as the client sees it.
struct RPCError: Error, Sendable, Equatable {
    /// The codes that clients know.
    enum Code: String, Sendable {
        case invalidRequest = "INVALID_REQUEST"
        case unavailable = "UNAVAILABLE"
    }

    var code: Code
    var message: String
    var details: WireValue?
    var retryable: Bool?
    var retryAfterMilliseconds: Int64?

    init(
        _ code: Code,
        _ message: String,
        details: WireValue? = nil,
        retryable: Bool? = nil,
        retryAfterMilliseconds: Int64? = nil
    ) {
        self.code = code
        self.message = message
        self.details = details
        self.retryable = retryable
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }

    static func invalid(_ message: String, details: WireValue? = nil) -> RPCError {
        RPCError(.invalidRequest, message, details: details)
    }

    static func unavailable(_ message: String) -> RPCError { RPCError(.unavailable, message) }

    var wire: WireValue {
        [
            "code": .string(code.rawValue),
            "message": .string(message),
            "details": details,
            "retryable": retryable.map(WireValue.bool),
            "retryAfterMs": retryAfterMilliseconds.map(WireValue.integer),
        ]
    }
}

extension RPCError {
    /// A question to the delivery engine that failed, for the client.
    init(_ error: ConversationError) {
        switch error {
        case .invalid(let words): self = .invalid(words)
        case .unavailable(let words): self = .unavailable(words)
        }
    }
}
