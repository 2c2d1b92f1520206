internal import ChannelHTTP
internal import NIOHTTP1

/// How a request shows that it is the provider's.
enum WebhookProof: Sendable {
    case twilio(TwilioSignature)
    case telnyx(TelnyxSignature)
    /// Everything is taken: the mock provider, or `skipSignatureVerification`. On a loopback listener alone.
    case nothing

    /// What the head says already: a request without a signature is not read.
    func refusal(_ head: HTTPRequestHead) -> WebhookDecision? {
        switch self {
        case .nothing: return nil
        case .twilio:
            guard !head.headers.contains(name: TwilioSignature.settingsHeader) else {
                return .answer(
                    .unauthorized,
                    "signed as X-Twilio-Webhooks-Signature-Settings says, which is not supported: have Twilio sign with "
                        + "the account's auth token"
                )
            }
            return has(head, TwilioSignature.header)
        case .telnyx: return has(head, TelnyxSignature.header) ?? has(head, TelnyxSignature.timeHeader)
        }
    }

    private func has(_ head: HTTPRequestHead, _ name: String) -> WebhookDecision? {
        let given = head.headers[name]
        guard given.count == 1, (1...256).contains(given[0].utf8.count) else {
            return .answer(.unauthorized, "the signature (\(name)) is missing")
        }
        return nil
    }
}
