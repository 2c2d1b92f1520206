/// One request to a provider, as it goes out.
struct ProviderRequest: Sendable, Equatable {
    enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    var method: Method
    var url: String
    /// Without who asks: the client adds that.
    var contentType = ""
    var body: [UInt8] = []
}

/// Why a request to a provider brought nothing.
enum ProviderFailure: Error, Sendable, Equatable {
    /// It never arrived.
    case unsent(String)
    /// It left, and nobody knows what became of it.
    case unknown(String)
    /// The provider's own no.
    case refused(status: Int, String)
    /// Not before so many seconds.
    case tooMany(seconds: Int)

    /// The provider has no such call (any more).
    var isGone: Bool {
        if case .refused(let status, _) = self { status == 404 || status == 422 } else { false }
    }

    var words: String {
        switch self {
        case .unsent(let words): "not reached: \(words)"
        case .unknown(let words): words
        case .refused(let status, let words): "\(status) \(words)"
        case .tooMany(let seconds): "too many requests: again after \(seconds) s"
        }
    }
}
