internal import ChannelHTTP
internal import NIOHTTP1

/// What the webhook's listener answers to the head of a request, before its body is read. Pure.
struct WebhookRequest {
    /// The listener's own path, `/telegram-webhook`.
    let path: String
    let secret: [UInt8]

    static let bodyBytes = 1 << 20
    /// Telegram opens 40 connections unless it is told otherwise.
    static let connectionLimit = 64

    /// What the listener takes: Telegram itself waits a minute for an answer.
    var rules: WebhookRules {
        var rules = WebhookRules { head, _ in decide(head) }
        rules.connections = Self.connectionLimit
        rules.bodyBytes = Self.bodyBytes
        return rules
    }

    typealias Decision = WebhookDecision

    func decide(_ head: HTTPRequestHead) -> Decision {
        let path = head.uri.prefix { $0 != "?" }
        if path == "/healthz", head.method == .GET || head.method == .HEAD { return .answer(.ok, "ok") }
        guard path == self.path else { return .answer(.notFound, "not found") }
        guard head.method == .POST else { return .answer(.methodNotAllowed, "only Telegram's POST is taken here") }
        let given = head.headers["x-telegram-bot-api-secret-token"]
        guard given.count == 1, let only = given.first, SecretText.isSame(Array(only.utf8), secret) else {
            return .answer(.unauthorized, "the secret token is missing or wrong")
        }
        return WebhookRules.length(head, limit: Self.bodyBytes) ?? .read
    }

    /// Whether Telegram takes `secret` (setWebhook): 1 to 256 of `A-Z a-z 0-9 _ -`.
    static func isSecret(_ secret: String) -> Bool {
        (1...256).contains(secret.utf8.count)
            && secret.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
