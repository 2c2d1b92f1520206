/// A plain HTTP response. Every connection carries one request: an upgrade must be a connection's first, and proxies
/// that keep connections would otherwise send it as the second (docs/decisions/0052).
struct HTTPAnswer: Sendable, Equatable {
    var status: Int
    var contentType: String
    var body: [UInt8]
    /// Besides content type and length.
    var headers: [Header] = []

    struct Header: Sendable, Equatable {
        var name: String
        var value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    init(status: Int, contentType: String, body: [UInt8], headers: [Header] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers =
            headers + [Header("X-Content-Type-Options", "nosniff"), Header("Referrer-Policy", "no-referrer")]
    }

    static func text(_ status: Int, _ words: String, headers: [Header] = []) -> HTTPAnswer {
        HTTPAnswer(
            status: status,
            contentType: "text/plain; charset=utf-8",
            body: Array(words.utf8),
            headers: headers
        )
    }

    static func json(_ status: Int, _ value: WireValue) -> HTTPAnswer {
        HTTPAnswer(
            status: status,
            contentType: "application/json; charset=utf-8",
            body: value.encoded(),
            headers: [Header("Cache-Control", "no-store")]
        )
    }

    static func tooManyAttempts(wait: Duration) -> HTTPAnswer {
        let error: WireValue = ["message": "too many failed authentication attempts", "type": "rate_limited"]
        var answer = json(429, ["error": error])
        answer.headers.append(Header("Retry-After", String(max(1, wait.wholeMilliseconds / 1000))))
        return answer
    }

    static let notFound = HTTPAnswer.text(404, "Not Found")
}
