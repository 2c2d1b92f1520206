package import Failover
package import IPCHub

/// What a provider's error means for who asks: its own codes first, then the status, then, where both say nothing in
/// particular, its words. One table for every dialect; `docs/models.md` has it for people.
///
/// The same status means different things (a 429 is a rate, an overload, a spend limit or an empty wallet), so it decides
/// only where no code does. Errors that come inside a stream after HTTP 200 go the same way.
package enum Classification {
    package typealias Kind = HubModelEvent.Failed.Kind

    /// - Parameter now: Seconds since 1970, for dates that the provider names.
    package static func failure(
        status: Int,
        body: ErrorBody,
        headers: AnswerHeaders = AnswerHeaders(),
        now: Int64
    ) -> CallFailure {
        // Inside a stream the status is 200 and the body repeats the one that was meant.
        let effective = status == 200 && body.statusCode > 0 ? body.statusCode : status
        let kind = kind(status: effective, body: body)
        let request = body.requestID.isEmpty ? headers.requestID : body.requestID
        let cause =
            [status == 200 ? "in the stream" : "HTTP \(status)"] + body.codes.prefix(3)
            + [body.message, request.isEmpty ? "" : "request \(request)"]
        var failure = CallFailure(
            kind,
            cause.filter { !$0.isEmpty }.joined(separator: " · "),
            status: status,
            retryAfter: pause(kind, body, headers, now: now)
        )
        failure.scope = scope(kind, status: effective, body: body, headers: headers)
        failure.shouldRetry = headers.shouldRetry
        return failure
    }

    private static func kind(status: Int, body: ErrorBody) -> Kind {
        let words = ErrorTexts.kind(body.message)
        let code = body.codes.lazy.compactMap(ErrorCodes.kind).first
        switch code {
        // "Request too large … tokens per minute": no waiting makes it fit.
        case .rateLimit? where isTooLargeForever(body.message): return .context
        // Google says RESOURCE_EXHAUSTED for an empty wallet as well, and has no quota at all for some models.
        case .rateLimit? where status == 402: return .billing
        case .rateLimit? where hasNoQuota(body): return .modelNotFound
        // A fault "of the server" that its words explain.
        case .transient?:
            return words == .overloaded || words == .context || words == .timeout ? words ?? .transient : .transient
        // A key that may not spend any more is refused as a key.
        case .auth? where words == .billing: return .billing
        case let kind?: return kind
        case nil: break
        }
        switch status {
        case 400, 422, 200: return words ?? (status == 200 ? .unknown : .badRequest)
        case 401, 403: return words == .billing ? .billing : words == .rateLimit ? .rateLimit : .auth
        // OpenRouter answers so as well while earlier requests hold the rest of the credit: that passes.
        case 402: return body.message.lowercased().contains("in-flight") ? .rateLimit : .billing
        case 404, 405: return words == .auth ? .auth : .modelNotFound
        case 408, 499, 504, 524: return .timeout
        case 409: return .transient
        case 413: return .context
        case 429:
            if isTooLargeForever(body.message) { return .context }
            if hasNoQuota(body) { return .modelNotFound }
            return words == .overloaded ? .overloaded : .rateLimit
        case 503, 529: return .overloaded
        case 500...599: return words == .overloaded || words == .context ? words ?? .transient : .transient
        default: return words ?? .unknown
        }
    }

    private static func isTooLargeForever(_ message: String) -> Bool {
        let text = message.lowercased()
        return text.contains("request too large") || (text.contains("too large") && text.contains("tpm"))
    }

    /// "limit: 0": this tier has nothing of this model, however long one waits.
    private static func hasNoQuota(_ body: ErrorBody) -> Bool {
        let text = body.message.lowercased()
        guard let range = text.firstRange(of: "limit: 0") else { return false }
        let next = text[range.upperBound...].first
        return next.map { !$0.isNumber && $0 != "." } ?? true
    }

    private static func pause(_ kind: Kind, _ body: ErrorBody, _ headers: AnswerHeaders, now: Int64) -> Duration? {
        switch kind {
        case .rateLimit, .overloaded, .transient, .timeout, .unknown:
            return headers.retryAfter ?? WireTime.goDuration(body.retryDelay)
                ?? (kind == .rateLimit ? headers.reset : nil)
        case .billing: return WireTime.resumption(in: body.message, now: now) ?? headers.retryAfter
        case .auth, .cut, .badRequest, .context, .unreachable, .modelNotFound, .refused, .exhausted, .shed,
            .UNRECOGNIZED:
            return headers.retryAfter
        }
    }

    private static func scope(_ kind: Kind, status: Int, body: ErrorBody, headers: AnswerHeaders) -> CallFailure.Scope {
        switch kind {
        case .billing: .key
        // 403: the key is good, the model is not for it.
        case .auth: status == 403 ? .model : .key
        case .rateLimit: headers.limitsKey ? .key : .model
        case .modelNotFound: hasNoQuota(body) ? .model : .provider
        case .timeout, .overloaded, .transient, .unreachable: .provider
        case .unknown, .cut, .badRequest, .context, .refused, .exhausted, .shed, .UNRECOGNIZED: .model
        }
    }
}
