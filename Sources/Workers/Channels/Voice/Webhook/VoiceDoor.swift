internal import ChannelHTTP
internal import NIOCore
internal import NIOHTTP1

/// What the voice webhook's listener takes before anything of a request is read (spec 3.3).
enum VoiceDoor {
    static let bodyBytes = 64 << 10
    static let connections = 32
    static let requestsPerPeer = 8

    static func rules(path: String, proof: WebhookProof) -> WebhookRules {
        var rules = WebhookRules { head, _ in decide(head, path: path, proof: proof) }
        rules.bodyBytes = bodyBytes
        rules.heldBytes = connections * bodyBytes
        rules.connections = connections
        rules.requestLimit = .seconds(5)
        // Twilio waits 15 s.
        rules.answerLimit = .seconds(14)
        rules.requestsPerKey = requestsPerPeer
        rules.key = { head, peer in
            RequestAddress.first(head.headers, "x-forwarded-for").map { String($0.prefix(64)) } ?? peer
        }
        return rules
    }

    static func decide(_ head: HTTPRequestHead, path: String, proof: WebhookProof) -> WebhookDecision {
        let asked = head.uri.prefix { $0 != "?" }
        if asked == "/healthz", head.method == .GET || head.method == .HEAD { return .answer(.ok, "ok") }
        guard asked == path else { return .answer(.notFound, "not found") }
        guard head.method == .POST else { return .answer(.methodNotAllowed, "only the provider's POST is taken here") }
        guard head.uri.utf8.count <= 4096 else { return .answer(.uriTooLong, "too long") }
        return proof.refusal(head) ?? WebhookRules.length(head, limit: bodyBytes) ?? .read
    }
}
