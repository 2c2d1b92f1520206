/// Why a call to the Bot API brought no result. Its words never hold the token: it stands in the address, and addresses
/// are not quoted.
enum CallFailure: Error, Equatable, Sendable {
    /// 401 or 404: Telegram does not know this token.
    case badToken(code: Int, description: String)
    /// 409: somebody else polls with this token, or a webhook is set.
    case conflict(String)
    /// 429: not before so many seconds.
    case tooMany(seconds: Int)
    /// Refused for good. `migratedTo`: the group lives on under this number.
    case refused(code: Int, description: String, migratedTo: Int64?)
    /// It never reached Telegram: name, connection or TLS failed.
    case unreached(String)
    /// It left, and nobody knows what became of it: no answer, a broken one, or a 5xx.
    case unknown(String)
    /// The answer was longer than what is kept; its first bytes.
    case tooLong(start: [UInt8])

    /// From an answer with `ok: false`, or with a status and no such body.
    init(status: Int, answer: Bot.Answer<Bot.Present>?) {
        let code = answer?.errorCode ?? status
        let description = answer?.description ?? "HTTP status \(status) without a description"
        switch code {
        case 401: self = .badToken(code: code, description: description)
        case 404 where answer?.description?.hasPrefix("Not Found") != false:
            self = .badToken(code: code, description: description)
        case 409: self = .conflict(description)
        case 429: self = .tooMany(seconds: min(max(answer?.parameters?.retryAfter ?? 5, 1), 3600))
        case 400..<500:
            self = .refused(code: code, description: description, migratedTo: answer?.parameters?.migrateToChatId)
        default: self = .unknown("\(code) \(description)")
        }
    }

    /// The status of the answer; nil when none came.
    var status: Int? {
        switch self {
        case .badToken(let code, _), .refused(let code, _, _): code
        case .conflict: 409
        case .tooMany: 429
        case .unreached, .unknown, .tooLong: nil
        }
    }

    /// For the operator.
    var words: String {
        switch self {
        case .badToken(let code, let description), .refused(let code, let description, _): "\(code) \(description)"
        case .conflict(let description): "409 \(description)"
        case .tooMany(let seconds): "429 too many requests: retry after \(seconds) s"
        case .unreached(let reason): "not reached: \(reason)"
        case .unknown(let reason): reason
        case .tooLong: "an answer longer than \(TelegramLimits.answerBytes) bytes"
        }
    }
}

/// Bounds of what this worker keeps.
enum TelegramLimits {
    /// An answer of the Bot API that is kept whole.
    static let answerBytes = 16 << 20
    /// One update that fits into a frame of the hub beside its key and cursor.
    static let updateBytes = (1 << 20) - 4096
}
