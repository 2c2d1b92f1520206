internal import Runtime

/// Why a call to Discord's REST API brought no result. Its words never hold the token.
enum CallFailure: Error, Equatable, Sendable {
    /// 401: Discord does not know this token.
    case badToken(String)
    /// 429, or our own limits: not before that time.
    case tooMany(after: Duration, isGlobal: Bool)
    /// Refused for good: the HTTP status, Discord's own code (0: none) and its words.
    case refused(status: Int, code: Int, message: String)
    /// It never reached Discord: name, connection or TLS failed.
    case unreached(String)
    /// It left, and nobody knows what became of it: no answer, a broken one, or a 5xx.
    case unknown(String)

    /// From an answer that is not a success.
    ///
    /// - Parameter after: what headers say about when to come again.
    init(status: Int, body: JSON?, after: Duration?) {
        let code = Int(clamping: body?["code"]?.integer ?? 0)
        let said = String((body?["message"]?.string ?? "HTTP status \(status)").prefix(200))
        let message = String(said.map { $0.isNewline ? " " : $0 })
        switch status {
        case 401: self = .badToken("401 \(message)")
        case 429:
            self = .tooMany(
                after: Self.pause(body?["retry_after"]) ?? after ?? .seconds(5),
                isGlobal: body?["global"]?.bool ?? false
            )
        case 400..<500: self = .refused(status: status, code: code, message: message + Self.details(body))
        default: self = .unknown("\(status) \(message)")
        }
    }

    /// Seconds with a fraction, at most an hour.
    static func pause(_ seconds: JSON?) -> Duration? {
        let number: Double? =
            switch seconds {
            case .integer(let value)?: Double(value)
            case .number(let text)?, .string(let text)?: Double(text)
            default: nil
            }
        guard let number, number.isFinite, number >= 0 else { return nil }
        return .milliseconds(Int64(min(number, 3600) * 1000))
    }

    /// How long to wait before the call is made again, `pause` unless Discord says; nil where no repetition helps.
    func pause(or pause: Duration) -> Duration? {
        switch self {
        case .tooMany(let after, _): max(after, .milliseconds(100))
        case .unreached, .unknown: pause
        case .badToken, .refused: nil
        }
    }

    /// Which field Discord did not like: `errors` of code 50035, the first of them.
    private static func details(_ body: JSON?) -> String {
        var path: [String] = []
        var place = body?["errors"]
        for _ in 0..<8 {
            guard let here = place else { return "" }
            if let words = here["_errors"]?.array?.first?["message"]?.string {
                return " (\(path.joined(separator: ".")): \(words.prefix(200)))"
            }
            guard let member = here.object?.members.first else { return "" }
            path.append(String(member.key.prefix(40)))
            place = member.value
        }
        return ""
    }

    /// For the operator.
    var words: String {
        switch self {
        case .badToken(let words): words
        case .tooMany(let after, let isGlobal):
            "429 too many requests\(isGlobal ? " from this bot" : ""): again after \(after.components.seconds) s"
        case .refused(let status, let code, let message): "\(status) \(message)\(code == 0 ? "" : " (code \(code))")"
        case .unreached(let reason): "not reached: \(reason)"
        case .unknown(let reason): reason
        }
    }
}
