/// The CONFIG of the worker `channel:voice-call:default`. Its secrets are `TWILIO_AUTH_TOKEN`, or `TELNYX_API_KEY` and
/// `TELNYX_PUBLIC_KEY`.
///
/// Source of keys and defaults: spec/channels-voice-tunnel.md 3.1 (`plugins.entries.voice-call.config`).
package struct VoiceConfig: Codable, Sendable, Equatable {
    package enum Provider: String, Codable, Sendable, CaseIterable {
        case twilio
        case telnyx
        case mock
    }

    package enum InboundPolicy: String, Codable, Sendable {
        case disabled
        case allowlist
        case open
    }

    /// A way to hold a call: say something and hang up, or talk.
    package enum Mode: String, Codable, Sendable {
        case notify
        case conversation
    }

    /// Which forwarded headers say what the caller asked for; spec section 3.5.
    package struct WebhookSecurity: Codable, Sendable, Equatable {
        package var allowedHosts: [String] = []
        package var trustForwardingHeaders = false
        package var trustedProxyIPs: [String] = []

        package init() {}
    }

    package var provider: Provider
    /// Twilio's account; it is no secret, and stands in every path.
    package var accountSid = ""
    /// Telnyx's connection.
    package var connectionId = ""
    /// Where the provider is, without a slash at its end; empty: its own address. Only `clawhold.json` changes it
    /// (`voice.apiRoot`).
    package var apiRoot = ""
    /// E.164.
    package var fromNumber = ""
    /// Whom to call when nobody is named; empty: nobody.
    package var toNumber = ""
    package var inboundPolicy = InboundPolicy.disabled
    /// E.164, compared exactly.
    package var allowFrom: [String] = []
    package var inboundGreeting = ""
    package var defaultMode = Mode.notify
    package var notifyHangupDelaySeconds = 3
    package var maxDurationSeconds = 300
    package var transcriptTimeoutMilliseconds = 180_000
    package var ringTimeoutMilliseconds = 30_000
    package var maxConcurrentCalls = 1
    /// Longest that an answer may take before the caller is asked for patience.
    package var responseTimeoutMilliseconds = 30_000
    /// 0: calls that nothing was heard of are left alone.
    package var staleCallReaperSeconds = 0
    package var bind = "127.0.0.1"
    package var port = 3334
    package var path = "/voice/webhook"
    /// What the provider calls, path included; empty: the tunnel's word (PUBLIC_URL), or nothing.
    package var publicURL = ""
    /// A tunnel leads to this listener.
    package var usesTunnel = false
    package var webhookSecurity = WebhookSecurity()
    /// ngrok's free plan: forwarding headers of a loopback peer count. Never skips a signature.
    package var trustsLoopbackHeaders = false
    /// Loudly, and on a loopback listener alone.
    package var skipsSignatures = false
    /// As written (`alloy`, `Polly.Joanna`); empty: the provider's default.
    package var voice = ""
    /// BCP 47; empty: the provider's default.
    package var language = ""

    package init(_ provider: Provider) { self.provider = provider }
}
