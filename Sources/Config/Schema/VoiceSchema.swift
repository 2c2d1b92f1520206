/// The keys of `plugins.entries.voice-call.config`.
///
/// Source: spec/channels-voice-tunnel.md 3.1. A key that this version does not read is `any`: it is OpenClaw's.
enum VoiceSchema {
    static let config = Shape.object([
        "enabled": .bool,
        "provider": .choice(["telnyx", "twilio", "plivo", "mock"]),
        "fromNumber": .string,
        "toNumber": .string,
        "telnyx": .object(["apiKey": .string, "connectionId": .string, "publicKey": .string]),
        "twilio": .object(["accountSid": .string, "authToken": .string]),
        "plivo": .any,
        "inboundPolicy": .choice(["disabled", "allowlist", "pairing", "open"]),
        "allowFrom": .strings,
        "inboundGreeting": .string,
        "outbound": .object([
            "defaultMode": .choice(["notify", "conversation"]), "notifyHangupDelaySec": .integer(0...3600),
        ]),
        "maxDurationSeconds": .integer(1...86_400),
        "silenceTimeoutMs": .any,
        "transcriptTimeoutMs": .integer(1000...600_000),
        "ringTimeoutMs": .integer(1000...600_000),
        "maxConcurrentCalls": .integer(1...64),
        "serve": .object(["port": .integer(1...65535), "bind": .string, "path": .string]),
        "tailscale": .object(["mode": .choice(["off", "serve", "funnel"]), "path": .string]),
        "tunnel": .object([
            "provider": .string, "ngrokAuthToken": .string, "ngrokDomain": .string,
            "allowNgrokFreeTierLoopbackBypass": .bool, "allowNgrokFreeTier": .bool,
        ]),
        "streaming": .any,
        "publicUrl": .string,
        "skipSignatureVerification": .bool,
        "stt": .any, "tts": .any, "realtime": .any,
        "store": .any,
        "responseModel": .string,
        "responseSystemPrompt": .string,
        "responseTimeoutMs": .integer(1000...600_000),
        "webhookSecurity": .object([
            "allowedHosts": .strings, "trustForwardingHeaders": .bool, "trustedProxyIPs": .strings,
        ]),
        "staleCallReaperSeconds": .integer(0...86_400),
        "agentId": .any,
    ])
}
