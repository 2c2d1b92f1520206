package import IPCHub

/// What a failed attempt calls for: the table of the failover rules (`docs/models.md`).
package struct FailureAction: Equatable, Sendable {
    /// The same key may be asked once more after a pause in this range; nil: it may not.
    package var pause: ClosedRange<Duration>?
    /// The other keys of this provider may do better.
    package var rotates = false
    /// The other keys come before the same key again.
    package var rotatesFirst = false
    /// Another model may do better.
    package var triesNext = false

    package static func of(_ failure: CallFailure, _ rules: FailoverRules) -> FailureAction {
        var action = FailureAction()
        action.triesNext = triesNext(failure.kind)
        switch failure.kind {
        case .transient, .cut:
            action.pause = pause(failure, rules.shortPause, rules)
            action.rotates = true
        // Both are the host's, whatever the key.
        case .unreachable: action.pause = pause(failure, rules.shortPause, rules)
        case .overloaded: action.pause = pause(failure, rules.overloadPause, rules)
        case .timeout: break
        case .rateLimit:
            // Without a stated wait nobody knows when: asking at once would only cost the next window.
            if failure.retryAfter != nil { action.pause = pause(failure, rules.shortPause, rules) }
            (action.rotates, action.rotatesFirst) = (true, true)
        case .billing, .auth: action.rotates = true
        case .unknown: action.rotates = true
        case .modelNotFound, .context, .refused, .exhausted, .shed, .UNRECOGNIZED: break
        case .badRequest:
            // A conflict (409), which the provider itself asks to repeat.
            if failure.shouldRetry == true { action.pause = rules.shortPause }
        }
        if failure.shouldRetry == false { action.pause = nil }
        return action
    }

    /// Whether another model may do better.
    package static func triesNext(_ kind: HubModelEvent.Failed.Kind) -> Bool {
        switch kind {
        // `context`: one that reads more. `badRequest`: one of another dialect. The agent knows which.
        case .unknown, .auth, .rateLimit, .overloaded, .timeout, .cut, .billing, .unreachable, .transient,
            .modelNotFound, .exhausted, .shed, .context, .badRequest:
            true
        case .refused, .UNRECOGNIZED: false
        }
    }

    /// The wait that the provider asked for, when that is short enough to be waited for.
    private static func pause(
        _ failure: CallFailure,
        _ own: ClosedRange<Duration>,
        _ rules: FailoverRules
    ) -> ClosedRange<Duration>? {
        guard let stated = failure.retryAfter else { return own }
        guard stated <= rules.longestPause else { return nil }
        let wait = max(stated, own.lowerBound)
        return wait...wait
    }
}

extension HubModelEvent.Failed.Kind {
    /// As states and reports write it.
    package var word: String {
        switch self {
        case .unknown, .UNRECOGNIZED: "unknown"
        case .auth: "auth"
        case .rateLimit: "rate_limit"
        case .overloaded: "overloaded"
        case .timeout: "timeout"
        case .cut: "cut"
        case .badRequest: "bad_request"
        case .billing: "billing"
        case .context: "context"
        case .unreachable: "unreachable"
        case .transient: "transient"
        case .modelNotFound: "model_not_found"
        case .refused: "refused"
        case .exhausted: "exhausted"
        case .shed: "shed"
        }
    }

    /// The kind that `word` names; nil for a word that is none.
    package init?(word: String) {
        guard let kind = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = kind
    }
}
