internal import IPCHub

/// What the providers' own codes mean, over all dialects: they name the same things by different words and hardly ever
/// different things by the same word. Sources: the vendors' error pages and the official SDKs.
enum ErrorCodes {
    typealias Kind = HubModelEvent.Failed.Kind

    /// nil: the code says nothing, or only that something is wrong; the status and the words decide then.
    static func kind(_ code: String) -> Kind? {
        let code = code.lowercased()
        if let kind = table[code] { return kind }
        // Every product of a vendor gets a spend limit of its own.
        if code.hasSuffix("spend_limit_reached") || code.hasSuffix("spend_limit_exceeded") { return .billing }
        return nil
    }

    private static let table: [String: Kind] = {
        var table: [String: Kind] = [:]
        for (kind, codes) in lists { for code in codes { table[code] = kind } }
        return table
    }()

    private static let lists: [(Kind, [String])] = [
        (
            .billing,
            [
                "billing_error", "insufficient_quota", "credit_balance_exhausted", "organization_usage_limit_exceeded",
                "billing_hard_limit_reached", "organization_on_hold", "linked_organization_billing_unavailable",
                "billing_not_active", "insufficient_balance", "insufficient_credits", "billing_disabled",
                "payment_required",
            ]
        ),
        (
            .overloaded,
            [
                "overloaded_error", "server_is_overloaded", "unavailable", "service_unavailable_error",
                "service_unavailable", "modelnotreadyexception", "model_overloaded", "engine_overloaded",
                "capacity_exceeded", "service_tier_capacity_exceeded",
            ]
        ),
        (
            .rateLimit,
            [
                "rate_limit_error", "rate_limit_exceeded", "rate_limited", "slow_down", "ramp_limit_exceeded",
                "too_many_requests", "resource_exhausted", "throttlingexception", "requests", "tokens",
                "usage_limit_reached", "usage_not_included",
            ]
        ),
        (
            .auth,
            [
                "authentication_error", "invalid_api_key", "invalid_authentication", "permission_error",
                "permission_denied", "api_key_invalid", "unauthenticated", "api_key_service_blocked",
                "account_deactivated",
                "token_expired", "invalid_token", "unsupported_country_region_territory", "access_denied",
                "user_location_invalid",
            ]
        ),
        (
            .context,
            [
                "context_length_exceeded", "request_too_large", "context_window_exceeded", "string_above_max_length",
                "exceed_context_size_error", "model_max_prompt_tokens_exceeded",
            ]
        ),
        (.modelNotFound, ["not_found_error", "model_not_found", "not_found", "model_not_available", "invalid_model"]),
        (
            .refused,
            [
                "content_policy_violation", "content_filter", "invalid_prompt", "bio_policy",
                "misalignment_policy_violation", "moderation_blocked", "data_inspection_failed", "content_moderation",
            ]
        ),
        (.timeout, ["timeout_error", "deadline_exceeded", "timeout", "request_timeout"]),
        (
            .transient,
            [
                "server_error", "api_error", "internal", "internal_server_error", "internal_error", "conflict_error",
                "aborted",
            ]
        ),
        (.badRequest, ["failed_precondition"]),
    ]
}
