package import NIOCore
package import NIOHTTP1

/// What a webhook's listener takes, and how much of it.
package struct WebhookRules: Sendable {
    /// Says what becomes of a request before its body is read. Pure and fast: it runs on the event loop.
    package typealias Decide = @Sendable (_ head: HTTPRequestHead, _ peer: String) -> WebhookDecision
    /// Whom a request is counted for, until its body is read.
    package typealias Key = @Sendable (_ head: HTTPRequestHead, _ peer: String) -> String

    package var connections = 64
    /// Bytes of bodies that are held at the same time, all connections together.
    package var heldBytes = 16 << 20
    package var bodyBytes = 1 << 20
    /// From a connection's first byte, or the answer before, to the end of the request.
    package var requestLimit = TimeAmount.seconds(60)
    /// From the request's end to the answer.
    package var answerLimit = TimeAmount.seconds(50)
    /// Requests of one key whose bodies are being read.
    package var requestsPerKey = Int.max
    package var key: Key?
    package let decide: Decide

    package init(decide: @escaping Decide) { self.decide = decide }

    /// What a length in the head says already: nil when it may be read.
    package static func length(_ head: HTTPRequestHead, limit: Int) -> WebhookDecision? {
        guard let length = head.headers.first(name: "content-length") else { return nil }
        guard let bytes = Int(length), bytes >= 0 else { return .answer(.badRequest, "no such length") }
        return bytes <= limit ? nil : .answer(.payloadTooLarge, "too long")
    }
}

/// What becomes of a request before its body is read.
package enum WebhookDecision: Sendable, Equatable {
    case read
    /// The body is passed over. After 401 the connection is closed.
    case answer(HTTPResponseStatus, String)
}

/// A request whose body is there.
package struct WebhookRequestBody: Sendable {
    package var head: HTTPRequestHead
    package var body: [UInt8]
    /// The address at the other end, without a port; empty when it has none.
    package var peer: String

    package init(head: HTTPRequestHead, body: [UInt8], peer: String) {
        self.head = head
        self.body = body
        self.peer = peer
    }
}

/// An answer to a webhook's request.
package struct WebhookAnswer: Sendable {
    package var status: HTTPResponseStatus
    /// Beside `content-length`, `content-type` and `connection`.
    package var headers: [(String, String)] = []
    package var contentType = "text/plain; charset=utf-8"
    package var body: [UInt8]
    /// Called once: whether the answer was handed to the system whole.
    package var written: (@Sendable (Bool) -> Void)?

    package init(_ status: HTTPResponseStatus, _ text: String = "") {
        self.status = status
        body = Array(text.utf8)
    }
}
